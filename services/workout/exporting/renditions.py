"""A workout in a format of choice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.writers import UnsuitableFormat, check_gpx, check_tcx, write_csv, write_gpx, write_tcx
from ingest_edge.files.writers.parquet import write_parquet
from pulsemesh.workout.v1 import export_service_pb2 as wire
from services.workout.exporting import names
from services.workout.exporting.activities import ExportedActivity, activity_of
from services.workout.exporting.errors import FormatUnsuitable
from services.workout.exporting.stored import StoredWorkout

FIT_FROM_MS = 899_501_056_000
"""3 July 1998: FIT reads earlier times as seconds since the device was switched on."""

FIT_UNTIL_MS = (631_065_600 + 0xFFFF_FFFF) * 1000
"""February 2126, where FIT's 32 bits end."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A file that is being made.

    Attributes:
        size_bytes: None while it is not known.
        blocks: its content; each step is work, not for the event loop.
    """

    file_name: str
    media_type: str
    size_bytes: int | None
    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Format:
    extension: str
    media_type: str
    whole_seconds: bool
    write: Callable[[ExportedActivity], bytes | Iterable[bytes]]
    check: Callable[[ExportedActivity], None] = lambda _: None


def _fit(exported: ExportedActivity) -> bytes:
    return write_activity(exported.activity, sensors=exported.sensors, lenient=True)


def _check_fit(exported: ExportedActivity) -> None:
    times = [exported.activity.start_time_ms]
    times += [int(edge) for table in exported.activity.tables for edge in table.time_ms[[0, -1]]]
    times += [edge for session in exported.activity.sessions for edge in (session.start_ms, session.end_ms)]
    if min(times) >= FIT_FROM_MS and max(times) <= FIT_UNTIL_MS:
        return
    raise UnsuitableFormat(
        "FIT",
        "start_time",
        "FIT can say times from July 1998 to February 2126 only",
        "export it as TCX, CSV or Parquet",
    )


def _check_samples(exported: ExportedActivity) -> None:
    if not exported.activity.tables and not exported.activity.markers:
        raise UnsuitableFormat(
            "a table", "streams", "this workout has no samples", "export it as FIT or as the original"
        )


_FORMATS = {
    wire.EXPORT_FORMAT_FIT: _Format("fit", "application/vnd.ant.fit", True, _fit, _check_fit),
    wire.EXPORT_FORMAT_GPX: _Format(
        "gpx",
        "application/gpx+xml",
        False,
        lambda exported: write_gpx(exported.activity, title=exported.title, notes=exported.notes),
        lambda exported: check_gpx(exported.activity),
    ),
    wire.EXPORT_FORMAT_TCX: _Format(
        "tcx",
        "application/vnd.garmin.tcx+xml",
        False,
        lambda exported: write_tcx(exported.activity, notes=exported.notes),
        lambda exported: check_tcx(exported.activity),
    ),
    wire.EXPORT_FORMAT_CSV: _Format(
        "csv",
        "text/csv; charset=utf-8",
        False,
        lambda exported: write_csv(exported.activity),
        _check_samples,
    ),
    wire.EXPORT_FORMAT_PARQUET: _Format(
        "parquet",
        "application/vnd.apache.parquet",
        False,
        lambda exported: write_parquet(exported.activity, title=exported.title, notes=exported.notes),
        _check_samples,
    ),
}


def render(stored: StoredWorkout, form: wire.ExportFormat.ValueType) -> Rendition:
    """The workout in that format, any but the original. Not for the event loop.

    Raises:
        FormatUnsuitable: the format cannot carry the workout.
        ChunkCorrupted: the stored samples cannot be read.
    """
    chosen = _FORMATS[form]
    exported = activity_of(stored, whole_seconds=chosen.whole_seconds)
    try:
        chosen.check(exported)
        content = chosen.write(exported)
    except UnsuitableFormat as unsuitable:
        raise FormatUnsuitable.of(unsuitable) from unsuitable
    name = f"{names.stem(stored.row)}.{chosen.extension}"
    if isinstance(content, bytes):
        return Rendition(name, chosen.media_type, len(content), iter((content,)))
    return Rendition(name, chosen.media_type, None, iter(content))


def pieces(block: bytes, size: int) -> Iterator[bytes]:
    """A block in pieces of at most `size` bytes."""
    view = memoryview(block)
    for start in itertools.count(0, size):
        if start >= len(view):
            return
        yield bytes(view[start : start + size])
