"""Days as numbers since 1970-01-01, and the texts that name them. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.chassis.errors import InvalidField

EVER = -1_000_000
"""The day on which begins what holds since ever: before all days that can be written."""

_EPOCH = date(1970, 1, 1)


def day_of(text: str, field: str) -> int:
    """The day that "2026-11-23" names; `EVER` for the empty text.

    Raises:
        InvalidField: there is no such day.
    """
    return EVER if not text else (date_of(text, field) - _EPOCH).days


def date_of(text: str, field: str) -> date:
    """The date that a text names.

    Raises:
        InvalidField: there is no such day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidField(field, f"{text!r} is no day; write it like 2026-11-23") from None


def text_of(day: int) -> str:
    """The day as text; empty for `EVER`."""
    return "" if day <= EVER else (_EPOCH + timedelta(days=day)).isoformat()


def today(now_ms: int, time_zone: str) -> date:
    """The date at a moment in a zone; in UTC where the zone is empty."""
    zone = ZoneInfo(time_zone) if time_zone else UTC
    return datetime.fromtimestamp(now_ms / 1000, zone).date()


def number_of(day: date) -> int:
    """The number of a date."""
    return (day - _EPOCH).days


def require_zone(name: str, field: str) -> str:
    """
    Raises:
        InvalidField: it is no time zone.
    """
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidField(field, f"{name!r} is no time zone; write it like Europe/Berlin") from None
    return name


def full_years(born: date, day: date) -> int:
    """The age of somebody on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
