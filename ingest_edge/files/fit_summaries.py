"""Sessions, laps, pool lengths, markers and the device's identity from the messages that summarise a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from ingest_edge.files.activity import DeviceIdentity, LapPart, Marker, PoolLength, SampleTable, SessionPart
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit_clock import FitClock
from ingest_edge.files.fit_messages import FitMessage, Raw, first_number
from ingest_edge.files.fit_profile import (
    LAP_TOTALS,
    LAP_TRIGGERS,
    SESSION_TOTALS,
    SWIM_STROKES,
    TIMESTAMP,
    TotalField,
)
from ingest_edge.files.fit_sports import sport_name, sub_sport_name

_T = TypeVar("_T")

_START_TIME = 2
_GARMIN = 1
_TIMER_EVENT = 0
_TIMER_START = 0
_TIMER_STOPS = frozenset({1, 4, 8, 9})


def session_part(message: FitMessage, clock: FitClock) -> SessionPart | None:
    """A session message; None where it does not say when it was."""
    values = message.values
    span = _span(values, clock, elapsed_field=7)
    if span is None:
        return None
    sport, sub_sport = _integer(values, 5), _integer(values, 6)
    return SessionPart(
        sport=sport_name(sport, sub_sport),
        sub_sport=sub_sport_name(sub_sport),
        start_ms=span[0],
        end_ms=span[1],
        elapsed_s=(span[1] - span[0]) / 1000,
        timer_s=_scaled(values, 8, 1000, (span[1] - span[0]) / 1000),
        distance_m=_scaled_or_none(values, 9, 100),
        pool_length_m=_scaled_or_none(values, 44, 100),
        reported=_totals(values, SESSION_TOTALS),
    )


def lap_part(message: FitMessage, clock: FitClock) -> LapPart | None:
    """A lap message; None where it does not say when it was."""
    values = message.values
    span = _span(values, clock, elapsed_field=7)
    if span is None:
        return None
    trigger = _integer(values, 24)
    return LapPart(
        start_ms=span[0],
        end_ms=span[1],
        elapsed_s=(span[1] - span[0]) / 1000,
        timer_s=_scaled(values, 8, 1000, (span[1] - span[0]) / 1000),
        distance_m=_scaled_or_none(values, 9, 100),
        trigger=None if trigger is None else LAP_TRIGGERS.get(trigger),
        reported=_totals(values, LAP_TOTALS),
    )


def pool_length(message: FitMessage, clock: FitClock) -> PoolLength | None:
    """A length message; None where it does not say when it was."""
    values = message.values
    span = _span(values, clock, elapsed_field=3)
    if span is None:
        return None
    stroke = _integer(values, 7)
    return PoolLength(
        start_ms=span[0],
        end_ms=span[1],
        stroke=None if stroke is None else SWIM_STROKES.get(stroke),
        strokes=_integer(values, 5),
        active=_integer(values, 12) == 1,
    )


def markers(events: Iterable[FitMessage], laps: Sequence[LapPart], clock: FitClock) -> list[Marker]:
    """Pauses and resumes of the timer, and the start of every lap but the first, in the order of time.

    The first start and the last stop are the activity's own ends and no markers.
    """
    found = [Marker("lap", lap.start_ms) for lap in laps[1:]]
    paused_at: int | None = None
    started = False
    for event in events:
        if _integer(event.values, 0) != _TIMER_EVENT:
            continue
        kind, time_ms = _integer(event.values, 1), clock.unix_ms(event.values.get(TIMESTAMP))
        if time_ms is None:
            continue
        if kind in _TIMER_STOPS and paused_at is None and started:
            paused_at = time_ms
        elif kind == _TIMER_START:
            if paused_at is not None:
                found += [Marker("pause", paused_at), Marker("resume", time_ms)]
            paused_at, started = None, True
    return sorted(found, key=lambda marker: marker.time_ms)


def derived_session(sport: FitMessage | None, records: SampleTable) -> SessionPart:
    """A part for a link whose own summary is missing, from its samples and its `sport` message, if any."""
    values = sport.values if sport else {}
    kind, sub_kind = _integer(values, 0), _integer(values, 1)
    start_ms, end_ms = int(records.time_ms[0]), int(records.time_ms[-1])
    elapsed_s = (end_ms - start_ms) / 1000
    return SessionPart(
        sport=sport_name(kind, sub_kind),
        sub_sport=sub_sport_name(sub_kind),
        start_ms=start_ms,
        end_ms=end_ms,
        elapsed_s=elapsed_s,
        timer_s=elapsed_s,
        distance_m=_travelled_m(records),
        derived=True,
    )


def device_identity(
    file_id: FitMessage | None,
    device_infos: Iterable[FitMessage],
    manufacturer_names: Mapping[int, str],
    garmin_product_names: Mapping[int, str],
) -> DeviceIdentity:
    """Who wrote the file: the file's own id, and the name that the device gives itself."""
    creator = next((info for info in device_infos if _integer(info.values, 0) == 0), None)
    own = file_id.values if file_id else {}
    described = creator.values if creator else {}
    manufacturer = _first(_integer(own, 1), _integer(described, 2))
    product = _first(_integer(own, 2), _integer(described, 4))
    return DeviceIdentity(
        manufacturer=_named(manufacturer, manufacturer_names, "manufacturer"),
        product=_named(product, garmin_product_names if manufacturer == _GARMIN else {}, "product"),
        serial=_first(_integer(own, 3), _integer(described, 3)),
        name=_first(_text(own, 8), _text(described, 27)),
    )


def _named(number: int | None, names: Mapping[int, str], what: str) -> str | None:
    return None if number is None else names.get(number, f"{what}_{number}")


def _first(*candidates: _T | None) -> _T | None:
    return next((candidate for candidate in candidates if candidate is not None), None)


def _span(values: Mapping[int, Raw], clock: FitClock, elapsed_field: int) -> tuple[int, int] | None:
    """Start and end in Unix milliseconds, from any two of start, end and elapsed time."""
    start = clock.unix_ms(first_number(values.get(_START_TIME)))
    end = clock.unix_ms(first_number(values.get(TIMESTAMP)))
    elapsed_ms = first_number(values.get(elapsed_field))
    if start is None and end is not None:
        start = end - round(elapsed_ms or 0)
    if start is None:
        return None
    if elapsed_ms is not None:
        return start, start + round(elapsed_ms)
    return start, max(start, end if end is not None else start)


def _totals(values: Mapping[int, Raw], fields: Mapping[int, TotalField]) -> dict[str, float]:
    found = {}
    for number, field in fields.items():
        value = first_number(values.get(number))
        if value is not None:
            found[field.name] = value / field.scale - field.offset
    return found


def _travelled_m(records: SampleTable) -> float | None:
    if not records.count("distance"):
        return None
    distance, valid = records.columns["distance"], records.validity["distance"]
    return float((distance if valid is None else distance[valid]).max()) / SCALES["distance"]


def _integer(values: Mapping[int, Raw], number: int) -> int | None:
    value = first_number(values.get(number))
    return int(value) if isinstance(value, int) else None


def _text(values: Mapping[int, Raw], number: int) -> str | None:
    value = values.get(number)
    return value if isinstance(value, str) else None


def _scaled_or_none(values: Mapping[int, Raw], number: int, scale: float) -> float | None:
    value = first_number(values.get(number))
    return None if value is None else value / scale


def _scaled(values: Mapping[int, Raw], number: int, scale: float, default: float) -> float:
    value = _scaled_or_none(values, number, scale)
    return default if value is None else value
