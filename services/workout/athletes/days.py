"""Days as an athlete counts them: numbers since 1970-01-01 in the athlete's time zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from services.chassis.errors import InvalidField

DAY_MS = 86_400_000
DEFAULT_ZONE = "UTC"
EVER = -1_000_000
"""The day on which begins what holds since ever: before all days that can be written."""

_EPOCH = date(1970, 1, 1)
_HALF_HOUR_MS = 1_800_000


def day_of_text(text: str, field: str) -> int:
    """The day that "2026-11-23" names.

    Raises:
        InvalidField: there is no such day.
    """
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise InvalidField(field, f"{text!r} is no day; write it like 2026-11-23") from None


def text_of_day(day: int) -> str:
    """The day as text; empty for `EVER`."""
    return "" if day <= EVER else (_EPOCH + timedelta(days=day)).isoformat()


def date_of_day(day: int) -> date:
    """The day as a date."""
    return _EPOCH + timedelta(days=day)


def day_of_date(day: date) -> int:
    """The number of a date."""
    return (day - _EPOCH).days


def require_zone(name: str, field: str) -> str:
    """`name`, where it is a time zone; `DEFAULT_ZONE` where it is empty.

    Raises:
        InvalidField: it is not one.
    """
    if not name:
        return DEFAULT_ZONE
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidField(field, f"{name!r} is no time zone; write it like Europe/Berlin") from None
    return name


def day_of_ms(time_ms: int, zone: str) -> int:
    """The day of a moment."""
    return int(days_of_ms(np.array([time_ms], np.int64), zone)[0])


def days_of_ms(times_ms: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """The day of each moment; shape of `times_ms`.

    Offsets from UTC are looked up once for each half hour that occurs: no zone's offset changes within one.
    """
    if zone == DEFAULT_ZONE or not len(times_ms):
        return times_ms // DAY_MS
    slots, place = np.unique(times_ms // _HALF_HOUR_MS, return_inverse=True)
    offsets = np.array(list(_offsets_ms(slots.tolist(), zone)), np.int64)
    return np.asarray((times_ms + offsets[place]) // DAY_MS)


def _offsets_ms(slots: Iterable[int], zone: str) -> Iterable[int]:
    where = ZoneInfo(zone)
    for slot in slots:
        moment = datetime.fromtimestamp(slot * _HALF_HOUR_MS / 1000, UTC)
        offset = moment.astimezone(where).utcoffset()
        assert offset is not None
        yield round(offset.total_seconds() * 1000)


def start_of_day_ms(day: int, zone: str) -> int:
    """When a day begins: midnight, or the moment that follows a midnight which a clock change left out."""
    midnight = datetime.combine(date_of_day(day), datetime.min.time(), ZoneInfo(zone))
    return round(midnight.timestamp() * 1000)
