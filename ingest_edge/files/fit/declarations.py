"""Developer fields: what the apps on a device declare in one link, for that link alone."""

from __future__ import annotations

from ingest_edge.files.fit.plan import ARRAY, NUMBER, TEXT, Plan, Slot
from ingest_edge.files.fit.profile import DeveloperField

_FIELD_DESCRIPTION = 206
DEVELOPER_MESSAGES = frozenset({_FIELD_DESCRIPTION})

# No device changes its mind so often, and a file could make us compile definitions without end.
_MOST_CHANGES = 256

_DEVELOPER, _NUMBER, _BASE_TYPE, _NAME = 0, 1, 2, 3
_SCALE, _OFFSET, _UNITS = 6, 7, 8
_NATIVE_MESSAGE, _NATIVE_FIELD = 14, 15


class DeveloperRegistry:
    """The declarations of one link so far. A later one of the same number replaces the earlier."""

    def __init__(self) -> None:
        self._declared: dict[tuple[int, int], DeveloperField] = {}
        self._changes_left = _MOST_CHANGES

    def get(self, key: tuple[int, int]) -> DeveloperField | None:
        """The field that (developer, number) stands for, None where nobody has declared it."""
        return self._declared.get(key)

    def learn(self, plan: Plan, content: bytes, offset: int) -> tuple[int, int] | None:
        """Take in a `field_description`. Returns (developer, number) where their meaning is another now."""
        values = _values(plan, content, offset)
        developer, number, base_type = values.get(_DEVELOPER), values.get(_NUMBER), values.get(_BASE_TYPE)
        if not (isinstance(developer, int) and isinstance(number, int) and isinstance(base_type, int)):
            return None
        scale, shift = _integer(values, _SCALE), _integer(values, _OFFSET)
        field = DeveloperField(
            developer,
            number,
            _text(values, _NAME) or f"developer_{developer}_{number}",
            base_type,
            _text(values, _UNITS) or "",
            scale or 1,
            shift or 0,
            _integer(values, _NATIVE_MESSAGE),
            _integer(values, _NATIVE_FIELD),
        )
        earlier = self._declared.get((developer, number))
        if earlier is not None:
            if earlier == field or not self._changes_left:
                return None
            self._changes_left -= 1
        self._declared[developer, number] = field
        return developer, number


def _values(plan: Plan, content: bytes, offset: int) -> dict[int, object]:
    items = plan.layout.unpack_from(content, offset + 1)
    found: dict[int, object] = {}
    for slot in plan.slots:
        value = _first_item(slot, items)
        if value is not None:
            found[slot.number] = value
    return found


def _first_item(slot: Slot, items: tuple[object, ...]) -> object:
    value = items[slot.index]
    if slot.form == TEXT and isinstance(value, bytes):
        return value.decode("utf-8", "ignore").split("\0", 1)[0] or None
    return value if slot.form in (NUMBER, ARRAY) and value != slot.invalid else None


def _integer(values: dict[int, object], number: int) -> int | None:
    value = values.get(number)
    return value if isinstance(value, int) else None


def _text(values: dict[int, object], number: int) -> str | None:
    value = values.get(number)
    return value if isinstance(value, str) else None
