"""Any part of a long stream, short enough to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pulsemesh.workout.v1 import workout_pb2, workout_service_pb2
from services.workout import tables
from services.workout.store import overviews
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    POWER,
    START_MS,
    Rig,
    Sent,
    collected,
)
from tests.integration.services.workout.revisions.rig import (
    crop,
    on_sqlite,
    revert,
    revise,
)
from tests.integration.services.workout.test_workouts import delete

SECONDS = 30_000
RANDOM = np.random.default_rng(5)
WATTS = RANDOM.integers(0, 900, SECONDS)
BEATS = RANDOM.integers(60, 200, SECONDS)


async def long_ride(rig: Rig, *, apart: bool = False) -> str:
    """More than eight hours; `apart`: two sources with times of their own."""
    times = [START_MS + second * 1000 for second in range(SECONDS)]
    if not apart:
        sent = [Sent("watch", times, {POWER: WATTS.tolist(), HEART_RATE: BEATS.tolist()})]
    else:
        off = [time_ms + 300 for time_ms in times]
        sent = [
            Sent("meter", times, {POWER: WATTS.tolist()}),
            Sent("strap", off, {HEART_RATE: BEATS.tolist()}),
        ]
    _, response = await rig.append(sent)
    return str(response.closed.workout_id)


async def drawn(rig: Rig, workout_id: str, **options: Any) -> dict[int, tuple[list[int], list[int]]]:
    """Times and present values by channel, of all segments."""
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id, **options)
    series: dict[int, tuple[list[int], list[int]]] = {}
    for response in await collected(rig.workouts.ReadStreams(request, metadata=rig.who)):
        segment = response.segment
        times = np.cumsum([segment.start_time_ms, *segment.time_deltas_ms])
        for column in segment.columns:
            values = np.cumsum(np.array(column.deltas, np.int64))
            mask = np.ones(len(values), bool)
            if column.validity:
                mask = np.unpackbits(
                    np.frombuffer(column.validity, np.uint8), count=len(values), bitorder="little"
                ).astype(bool)
            told = series.setdefault(int(column.channel), ([], []))
            told[0].extend(times[mask].tolist())
            told[1].extend(values[mask].tolist())
    return series


WINDOWS = [
    (0, 0),
    (START_MS + 3_333_333, 0),
    (0, START_MS + 27_000_000),
    (START_MS + 1_000_500, START_MS + 28_000_500),
]


@on_sqlite
@pytest.mark.parametrize("apart", [False, True])
async def test_every_window_shows_its_extremes(rig: Rig, apart: bool) -> None:
    workout_id = await long_ride(rig, apart=apart)
    for start_ms, end_ms in WINDOWS:
        shown = await drawn(
            rig, workout_id, start_time_ms=start_ms, end_time_ms=end_ms, max_samples=400, aligned=apart
        )
        first = max(-(-(start_ms - START_MS) // 1000), 0)
        last = -(-(end_ms - START_MS) // 1000) if end_ms else SECONDS
        times, values = shown[POWER]
        assert (min(values), max(values)) == (WATTS[first:last].min(), WATTS[first:last].max())
        assert len(times) <= 400
        assert times == sorted(times)
        assert times[0] >= start_ms
        assert not end_ms or times[-1] < end_ms
    assert (await rig.rows(tables.overviews))["overviews"] > 0


async def test_sources_that_differ_in_their_times_are_aligned(rig: Rig) -> None:
    workout_id = await long_ride(rig, apart=True)
    shown = await drawn(rig, workout_id, max_samples=400)
    assert set(shown) == {POWER, HEART_RATE}
    assert max(shown[HEART_RATE][1]) == BEATS.max()
    only = await drawn(rig, workout_id, max_samples=400, channels=[HEART_RATE])
    assert set(only) == {HEART_RATE}
    assert max(only[HEART_RATE][1]) == BEATS.max()


@on_sqlite
async def test_a_short_window_has_its_samples(rig: Rig) -> None:
    workout_id = await long_ride(rig)
    await drawn(rig, workout_id, max_samples=400)
    start_ms = START_MS + 7_000_000
    shown = await drawn(
        rig, workout_id, start_time_ms=start_ms, end_time_ms=start_ms + 100_000, max_samples=400
    )
    assert shown[POWER][1] == WATTS[7_000:7_100].tolist()
    nothing = await drawn(rig, workout_id, start_time_ms=START_MS + 10**9, max_samples=400)
    assert not nothing


@on_sqlite
async def test_triangles_are_looked_for_among_the_extremes(rig: Rig) -> None:
    workout_id = await long_ride(rig)
    shown = await drawn(rig, workout_id, max_samples=200, downsampling=workout_pb2.DOWNSAMPLING_LTTB)
    assert len(shown[POWER][0]) == 200
    assert set(shown[POWER][1]) <= set(WATTS.tolist())


async def test_an_overview_is_computed_once_and_goes_with_the_samples(rig: Rig) -> None:
    workout_id = await long_ride(rig)
    await drawn(rig, workout_id, max_samples=400)
    once = await rig.rows(tables.overviews)
    await drawn(rig, workout_id, max_samples=300)
    assert await rig.rows(tables.overviews) == once
    await revise(rig, workout_id, crop(0, START_MS + 26_000_000))
    assert await rig.rows(tables.overviews) == {"overviews": 0}
    shown = await drawn(rig, workout_id, max_samples=400)
    assert shown[POWER][0][-1] < START_MS + 26_000_000
    await revert(rig, workout_id)
    assert max((await drawn(rig, workout_id, max_samples=400))[POWER][1]) == WATTS.max()
    await delete(rig, workout_id)
    assert await rig.rows(tables.overviews) == {"overviews": 0}


@on_sqlite
async def test_an_overview_of_a_workout_that_changed_meanwhile_is_not_kept(rig: Rig) -> None:
    workout_id = await long_ride(rig)
    async with rig.database.read() as view:
        heading = await view.run(overviews.heading, rig.user_id, workout_id, (0, 2**62))
    assert heading is not None
    await revise(rig, workout_id, crop(0, START_MS + 26_000_000))
    async with rig.database.write() as transaction:
        kept = await transaction.run(overviews.put, heading.workout_pk, heading.version, 0, [])
    assert not kept
