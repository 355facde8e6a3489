"""Moments and names as people write them, turned into what the contracts carry."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from google.protobuf import timestamp_pb2

from pulsemesh.type.v1 import sport_pb2

__all__ = ["Sport", "SubSport", "as_sport", "as_sub_sport", "as_timestamp", "milliseconds"]

Sport: TypeAlias = sport_pb2.Sport.ValueType | str
SubSport: TypeAlias = sport_pb2.SubSport.ValueType | str


def milliseconds(moment: datetime | int) -> int:
    """Return a moment as milliseconds since 1970 UTC; an integer is taken for that already.

    Raises `ValueError` for a datetime without a time zone: it names no moment.
    """
    if isinstance(moment, int):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give it one, such as datetime.UTC")
    return round(moment.timestamp() * 1000)


def as_timestamp(moment: datetime | None) -> timestamp_pb2.Timestamp | None:
    """Return a moment as the contracts carry it, None for None."""
    if moment is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromMilliseconds(milliseconds(moment))
    return stamp


def as_sport(sport: Sport) -> sport_pb2.Sport.ValueType:
    """Return a sport by number, or by name: `cycling`. Raises `ValueError` for an unknown name."""
    return sport_pb2.Sport.Value(_enum_name("SPORT_", sport)) if isinstance(sport, str) else sport


def as_sub_sport(sub_sport: SubSport) -> sport_pb2.SubSport.ValueType:
    """Return a sub-sport by number, or by name: `indoor_cycling`."""
    if isinstance(sub_sport, str):
        return sport_pb2.SubSport.Value(_enum_name("SUB_SPORT_", sub_sport))
    return sub_sport


def _enum_name(prefix: str, name: str) -> str:
    full = name.strip().upper().replace("-", "_").replace(" ", "_")
    return full if full.startswith(prefix) else prefix + full
