"""The FIT profile as objects, made of the generated tables when a message is first met."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache

from ingest_edge.files.fit.profile_data import MESSAGES, Component, Field, SubField

TIMESTAMP = 253
"""The field number of a message's own time, the same in every message."""

_PROFILE_BITS = {
    "byte": 8,
    "sint8": 8,
    "uint8": 8,
    "uint8z": 8,
    "sint16": 16,
    "uint16": 16,
    "uint16z": 16,
    "sint32": 32,
    "uint32": 32,
    "uint32z": 32,
}
_ZERO_IS_INVALID = frozenset({"uint8z", "uint16z", "uint32z"})


@dataclass(frozen=True, slots=True)
class DeveloperField:
    """A field that an app declared (`field_description`). `scale` and `offset` as in the profile."""

    developer: int
    number: int
    name: str
    base_type: int
    units: str
    scale: float
    offset: float
    native_message: int | None
    native_field: int | None


@dataclass(frozen=True, slots=True)
class ComponentInfo:
    """A run of bits of a field that fills another one: value = bits / scale − offset."""

    target: int
    bits: int
    scale: float
    offset: float


@dataclass(frozen=True, eq=False)
class FieldInfo:
    """A field or a sub-field, and what a column is made by: value = integer / scale − offset.

    `conditions` are those of a sub-field: it applies where any of the (field number, integer) pairs holds.
    `developer` is the declaration of a field that is not the profile's.
    """

    number: int
    name: str
    kind: str
    scale: float
    offset: float
    units: str
    accumulated: bool = False
    components: tuple[ComponentInfo, ...] = ()
    sub_fields: tuple[FieldInfo, ...] = ()
    conditions: tuple[tuple[int, int], ...] = ()
    developer: DeveloperField | None = None

    @cached_property
    def is_plain(self) -> bool:
        """Neither components nor sub-fields follow from it."""
        return not (self.components or self.sub_fields)

    @property
    def item_bits(self) -> int | None:
        """Bits of one item according to the profile, None for types without components."""
        return _PROFILE_BITS.get(self.kind)

    @property
    def invalid(self) -> int:
        """The integer that means "none" in the profile's type."""
        if self.kind in _ZERO_IS_INVALID:
            return 0
        bits = _PROFILE_BITS.get(self.kind, 8)
        return (1 << bits - 1) - 1 if self.kind.startswith("sint") else (1 << bits) - 1

    @cached_property
    def sub_fields_by_condition(self) -> dict[tuple[int, int], tuple[FieldInfo, ...]]:
        """The sub-fields that each (field number, integer) calls for."""
        found: dict[tuple[int, int], tuple[FieldInfo, ...]] = {}
        for sub_field in self.sub_fields:
            for condition in sub_field.conditions:
                found[condition] = (*found.get(condition, ()), sub_field)
        return found

    @cached_property
    def references(self) -> tuple[int, ...]:
        """The fields that decide which sub-field applies."""
        return tuple(dict.fromkeys(number for number, _ in self.sub_fields_by_condition))


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A message of the profile, or one that the profile does not know: then its name is its number."""

    number: int
    name: str
    fields: dict[int, FieldInfo]


@cache
def _known_message(number: int) -> MessageInfo:
    name, fields = MESSAGES[number]
    return MessageInfo(number, name, {field: _field(field, row) for field, row in fields.items()})


def message_info(number: int) -> MessageInfo:
    """The message with that global number."""
    if number in MESSAGES:
        return _known_message(number)
    return MessageInfo(number, str(number), {})


@lru_cache(maxsize=512)
def unknown_field(number: int) -> FieldInfo:
    """A field that the profile does not know: its name is its number."""
    return FieldInfo(number, str(number), "", 1, 0, "")


def developer_info(field: DeveloperField, name: str) -> FieldInfo:
    """A developer field under that name."""
    return FieldInfo(field.number, name, "", field.scale, field.offset, field.units, developer=field)


@lru_cache(maxsize=512)
def filled_by(target: FieldInfo, component: ComponentInfo) -> FieldInfo:
    """The target of a component, in the component's scale."""
    return replace(target, scale=component.scale, offset=component.offset)


def message_number(name: str) -> int | None:
    """The global number of a message of the profile by its name."""
    return next((number for number, (known, _) in MESSAGES.items() if known == name), None)


def _field(number: int, row: Field) -> FieldInfo:
    name, kind, scale, offset, units, accumulated, components, sub_fields = row
    return FieldInfo(
        number,
        name,
        kind,
        scale,
        offset,
        units,
        accumulated,
        _components(components),
        tuple(_sub_field(number, sub_field) for sub_field in sub_fields),
    )


def _sub_field(number: int, row: SubField) -> FieldInfo:
    name, kind, scale, offset, units, conditions, components = row
    return FieldInfo(number, name, kind, scale, offset, units, False, _components(components), (), conditions)


def _components(rows: tuple[Component, ...]) -> tuple[ComponentInfo, ...]:
    return tuple(ComponentInfo(*row) for row in rows)
