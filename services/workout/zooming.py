"""Reading any part of a long stream, short enough to draw, at a cost that hardly depends on its length.

The overview of a series is computed when it is first asked for, and kept. A change of the samples deletes it;
one that was computed meanwhile is not kept, because the workout's version is another then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.chassis.database import Database, ReadTransaction, StoreUnavailable
from services.workout import reading
from services.workout.codec import SampleColumns, concatenate, decode_chunk, encode_chunk
from services.workout.errors import WorkoutNotFound
from services.workout.store import overviews, workouts
from services.workout.store.workouts import StoredSource
from services.workout.streams import Method, align, overview
from services.workout.streams.downsampling import downsample

LEAST_SAMPLES = 25_000
"""A window of fewer samples of one source is read as a whole: that is as quick."""

LEAST_ALIGNED = 15_000
"""The same where sources must be brought onto one axis of time first, which takes longer."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Series:
    """Which overview answers, and under which name."""

    key: int
    source_id: str
    heading: overviews.Heading


async def segments(
    database: Database, user_id: str, workout_id: str, wanted: reading.Selection
) -> list[workout_pb2.StreamSegment] | None:
    """The segments that `wanted` selects; None where the stream is to be read as a whole.

    Raises:
        WorkoutNotFound
        ChunkCorrupted: a chunk or a tile cannot be read.
    """
    if not wanted.max_samples or wanted.method is Method.MEAN:
        return None
    async with database.read() as view:
        series, coarse = await view.run(_begin, user_id, workout_id, wanted)
        if series is None:
            return None
        if coarse:
            return await _answer(view, series, coarse, wanted)
    if not await _build(database, user_id, workout_id, series):
        return None
    async with database.read() as view:
        coarse = await view.run(overviews.coarsest, series.heading.workout_pk, series.key)
        return await _answer(view, series, coarse, wanted) if coarse else None


def _begin(
    conn: Connection, user_id: str, workout_id: str, wanted: reading.Selection
) -> tuple[_Series | None, Sequence[Row[Any]]]:
    """What is asked for, and the coarsest tiles of its overview, if there is one already."""
    heading = overviews.heading(conn, user_id, workout_id, (wanted.start_ms, wanted.end_ms))
    if heading is None:
        raise WorkoutNotFound(workout_id)
    series = _series(heading, wanted)
    return series, () if series is None else overviews.coarsest(conn, heading.workout_pk, series.key)


def _series(heading: overviews.Heading, wanted: reading.Selection) -> _Series | None:
    """What is asked for: one source as it was recorded, or all on one axis; None where neither."""
    told = [source for source in heading.sources if _tells(source.description, wanted.channels)]
    single = len(told) == 1 and not wanted.aligned
    if sum(source.samples for source in told) < (LEAST_SAMPLES if single else LEAST_ALIGNED):
        return None
    if single:
        return _Series(told[0].source_pk, told[0].source_id, heading)
    return _Series(overviews.ALIGNED, "", heading)


def _tells(description: bytes, channels: frozenset[int]) -> bool:
    if not channels:
        return True
    described = recording_pb2.Source.FromString(bytes(description))
    return bool(channels & {int(channel) for channel in described.channels})


async def _answer(
    view: ReadTransaction, series: _Series, coarse: Sequence[Row[Any]], wanted: reading.Selection
) -> list[workout_pb2.StreamSegment] | None:
    if series.key == overviews.ALIGNED and not wanted.aligned and not coarse[0].times_differ:
        return None  # each source is told for itself
    tiles = [_tile(row) for row in coarse]
    asked = (wanted.start_ms, wanted.end_ms)
    level = overview.level_for(wanted.method, wanted.max_samples, overview.samples_within(tiles, *asked))
    window = overview.Window(concatenate([]), asked, None)
    if level is not None:
        span = (tiles[0].start_ms, tiles[-1].end_ms)
        if level < tiles[0].level:
            rows = await view.run(overviews.tiles, series.heading.workout_pk, series.key, level, asked)
            tiles = await asyncio.to_thread(lambda: [_tile(row) for row in rows])
        window = overview.cut(tiles, *asked, span)
    before, after = await view.run(_edges, series, window)
    return await asyncio.to_thread(_drawn, series, window, before, after, wanted)


def _edges(conn: Connection, series: _Series, window: overview.Window) -> list[Sequence[bytes]]:
    """The payloads that hold the samples at either edge of a window."""
    return [() if edge is None else _samples(conn, series, edge) for edge in (window.before, window.after)]


def _samples(conn: Connection, series: _Series, edge: tuple[int, int]) -> Sequence[bytes]:
    if series.key != overviews.ALIGNED:
        return overviews.source_chunks(conn, series.key, edge)
    rows = overviews.tiles(conn, series.heading.workout_pk, series.key, overview.SAMPLES, edge)
    return [bytes(row.payload) for row in rows]


def _drawn(
    series: _Series,
    window: overview.Window,
    payloads_before: Sequence[bytes],
    payloads_after: Sequence[bytes],
    wanted: reading.Selection,
) -> list[workout_pb2.StreamSegment]:
    before = _between(payloads_before, window.before)
    after = _between(payloads_after, window.after)
    # Without rows of a level the samples themselves are the answer.
    whole = overview.joined(window, before, after) if len(window.rows) else before
    selected = reading.with_channels(whole, wanted.channels)
    if not len(selected):
        return []
    short = downsample(selected, wanted.max_samples, wanted.method)
    return list(reading.cut_into_segments(short, series.source_id))


def _between(payloads: Sequence[bytes], edge: tuple[int, int] | None) -> SampleColumns:
    samples = concatenate([decode_chunk(payload) for payload in payloads])
    return samples if edge is None or not len(samples) else samples.between(*edge)


async def _build(database: Database, user_id: str, workout_id: str, series: _Series) -> bool:
    """Compute an overview and keep it; False where that was not possible, and the stream is read whole."""
    async with database.read() as view:
        stored = await view.run(workouts.stream, user_id, workout_id, 0, None)
    if stored is None:
        raise WorkoutNotFound(workout_id)
    rows = await asyncio.to_thread(_rows, series, stored)
    heading = series.heading
    try:
        async with database.write() as transaction:
            return bool(
                await transaction.run(overviews.put, heading.workout_pk, heading.version, series.key, rows)
            )
    except StoreUnavailable:
        _log.warning("overview_not_kept", workout_id=workout_id)
        return False


def _rows(series: _Series, stored: Sequence[StoredSource]) -> list[dict[str, Any]]:
    """The rows of an overview. Takes a second for very long workouts: not for the event loop."""
    whole = {
        source.source_id: concatenate([decode_chunk(payload) for payload in source.payloads])
        for source in stored
    }
    aligned = series.key == overviews.ALIGNED
    samples = align(list(whole.values())) if aligned else whole[series.source_id]
    return [
        {
            "workout_pk": series.heading.workout_pk,
            "series": series.key,
            "level": tile.level,
            "ordinal": tile.ordinal,
            "times_differ": reading.times_differ(list(whole.values())),
            "start_ms": tile.start_ms,
            "end_ms": tile.end_ms,
            "payload": encode_chunk(tile.rows),
        }
        for tile in overview.build(samples, with_samples=aligned)
    ]


def _tile(row: Row[Any]) -> overview.Tile:
    return overview.Tile(row.level, row.ordinal, row.start_ms, row.end_ms, decode_chunk(bytes(row.payload)))
