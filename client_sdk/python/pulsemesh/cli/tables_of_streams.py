"""Streams as text, made on this side: each source as it was recorded, or all there is as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from pulsemesh import Series, Streams
from pulsemesh.cli.formats import as_dict, number
from pulsemesh.streams import unit_of
from pulsemesh.workout.v1 import workout_pb2

__all__ = ["csv_text", "json_text"]


def csv_text(streams: Streams) -> str:
    """Return a table: time, seconds since the start, source where there are several, then the channels."""
    channels = streams.channels
    several = len(streams) > 1
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    leading = ["time", "elapsed_s", *(["source"] if several else [])]
    writer.writerow([*leading, *(_heading(channel) for channel in channels)])
    writer.writerows(_rows(streams, channels, several=several))
    return out.getvalue()


def _heading(channel: str) -> str:
    unit = unit_of(channel)
    return f"{channel} [{unit}]" if unit and unit != "1" else channel


def _rows(streams: Streams, channels: list[str], *, several: bool) -> Iterator[list[str]]:
    start = min((series.times_ms[0] for series in streams if series.times_ms), default=0)
    for series in streams:
        for index, time_ms in enumerate(series.times_ms):
            source = [series.source_id] if several else []
            elapsed_s = f"{(time_ms - start) / 1000:.3f}".rstrip("0").rstrip(".")
            yield [_iso(time_ms), elapsed_s, *source, *_cells(series, channels, index)]


def _cells(series: Series, channels: Iterable[str], index: int) -> Iterator[str]:
    for channel in channels:
        values = series.columns.get(channel)
        value = values[index] if values else None
        yield "" if value is None else number(channel, value)


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_text(workout: workout_pb2.Workout, streams: Streams) -> str:
    """Return the workout, the units of its channels, and its streams as one document."""
    document = {
        "workout": as_dict(workout),
        "units": {channel: unit_of(channel) for channel in streams.channels},
        "streams": [
            {"source_id": series.source_id, "times_ms": series.times_ms, "columns": _columns(series)}
            for series in streams
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _columns(series: Series) -> dict[str, list[float | None]]:
    return {
        channel: [None if value is None else float(number(channel, value)) for value in values]
        for channel, values in series.columns.items()
    }
