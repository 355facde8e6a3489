"""Fields of the profile by their names: their numbers, base types, scales and offsets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ingest_edge.files.fit.profile_data import MESSAGES
from ingest_edge.files.fit_encoder.base_type_data import WIDER_ENUMERATIONS
from ingest_edge.files.fit_encoder.base_types import BaseType

_TIMES = ("date_time", "local_date_time")


@dataclass(frozen=True, slots=True)
class NamedField:
    """A field, or a sub-field in the place of its field: integer = (value + offset) × scale."""

    number: int
    base_type: BaseType
    scale: float
    offset: float
    is_time: bool = False

    @property
    def is_scaled(self) -> bool:
        """True where values are not the integers themselves."""
        return self.scale != 1 or self.offset != 0


@cache
def message_number(name: str) -> int:
    """The global number of a message. Raises ValueError for a name that the profile does not have."""
    for number, (known, _) in MESSAGES.items():
        if known == name:
            return number
    raise ValueError(f"the FIT profile has no message {name}")


@cache
def fields_of(message: int) -> dict[str, NamedField]:
    """The fields and sub-fields of a message by name; a field wins over a sub-field of the same name."""
    named: dict[str, NamedField] = {}
    for number, (name, kind, scale, offset, _, _, _, sub_fields) in MESSAGES[message][1].items():
        base_type = _base_type(message, number, kind)
        for sub_name, sub_kind, sub_scale, sub_offset, *_ in sub_fields:
            sub = NamedField(number, base_type, sub_scale, sub_offset, sub_kind in _TIMES)
            named.setdefault(sub_name, sub)
        named[name] = NamedField(number, base_type, scale, offset, kind in _TIMES)
    return named


def field_of(message: int, name: str) -> NamedField:
    """A field of a message. Raises ValueError for a name that the message does not have."""
    try:
        return fields_of(message)[name]
    except KeyError:
        raise ValueError(f"the FIT message {MESSAGES[message][0]} has no field {name}") from None


def _base_type(message: int, number: int, kind: str) -> BaseType:
    if kind in _TIMES:
        return BaseType.UINT32
    if kind == "bool":
        return BaseType.ENUM
    if kind == "enum":
        kind = WIDER_ENUMERATIONS.get(message, {}).get(number, "enum")
    return BaseType[kind.upper()]
