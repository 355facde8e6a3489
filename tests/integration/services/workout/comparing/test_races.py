"""Segments and workouts that come, change and go at the same time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from services.workout.analysis import loading
from services.workout.routes.placing import find_place, read_unplaced, store_place
from services.workout.segments import finder, store
from services.workout.segments.step import SegmentStep
from services.workout.tables import tracks
from tests.fixtures.gps import loop
from tests.integration.services.workout.comparing.rig import record, ridden, work_off
from tests.integration.services.workout.comparing.test_routes import matched
from tests.integration.services.workout.comparing.test_segments import create, efforts, get, metres
from tests.integration.services.workout.conftest import Rig
from tests.integration.services.workout.revisions.rig import crop, revise
from tests.integration.services.workout.revisions.test_deriving import split, undo
from tests.integration.services.workout.test_workouts import delete


async def read(rig: Rig, function: Any, *arguments: Any) -> Any:
    async with rig.database.read() as view:
        return await view.run(function, *arguments)


async def write(rig: Rig, function: Any, *arguments: Any) -> Any:
    async with rig.database.write() as transaction:
        return await transaction.run(function, *arguments)


def _key_of_last(conn: Connection) -> int:
    return int(
        conn.execute(select(tracks.c.workout_pk).order_by(tracks.c.workout_pk.desc())).scalars().first() or 0
    )


async def test_a_segment_made_while_a_workout_is_analysed_still_finds_it(rig: Rig) -> None:
    first = await record(rig, ridden(loop(1, 2500)))
    workout = await read(rig, loading.load, await read(rig, _key_of_last))
    step = SegmentStep()
    prepared = await read(rig, step.prepare, workout)
    segment = await create(rig, first, metres(500, 1500))
    await work_off(rig)
    result = step.compute(workout, prepared)
    await write(rig, step.store, workout, result, rig.clock())
    assert (await efforts(rig, segment.segment_id)).total == 0
    await work_off(rig)
    assert (await efforts(rig, segment.segment_id)).total == 1


async def test_what_a_search_found_in_an_older_state_is_not_stored(rig: Rig) -> None:
    first = await record(rig, ridden(loop(1, 2500)))
    segment = await create(rig, first, metres(500, 1500))
    row = await read(rig, store.next_search)
    (near,) = await read(rig, store.tracks_near, row, 10)
    (known,) = await read(rig, store.known, rig.user_id, row.sport)
    searcher = next(task for task in rig.background if isinstance(task, finder.SegmentFinder))
    found = await searcher._look(known, rig.user_id, near)
    assert len(found.efforts) == 1
    await revise(rig, first, crop(end_ms=found.efforts[0].end_ms - 30_000))
    for task in rig.background:
        if task.name == "workout analysis":
            await task.work()
    await write(rig, finder._store, row, [found], True)
    assert (await efforts(rig, segment.segment_id)).total == 0


async def test_a_workout_split_away_from_a_segment_hands_its_effort_to_its_part(rig: Rig) -> None:
    whole = await record(rig, ridden(loop(1, 2500)))
    segment = await create(rig, whole, metres(500, 1500))
    await work_off(rig)
    (before,) = (await efforts(rig, segment.segment_id)).efforts
    made = await split(rig, whole, before.end_time_ms + 30_000)
    await work_off(rig)
    (after,) = (await efforts(rig, segment.segment_id)).efforts
    assert after.workout_id == made.workouts[0].workout_id
    assert (after.start_time_ms, after.end_time_ms) == (before.start_time_ms, before.end_time_ms)
    await undo(rig, made.derivation.derivation_id)
    await work_off(rig)
    (again,) = (await efforts(rig, segment.segment_id)).efforts
    assert again.workout_id == whole


async def test_two_workouts_that_begin_a_route_at_once_share_it(rig: Rig) -> None:
    road = loop(1, 2500)
    for day in range(2):
        await record(rig, ridden(road, day=day), work=False)
    for task in rig.background:
        if task.name == "workout analysis":
            await task.work()
    keys = await read(rig, lambda conn: list(conn.execute(select(tracks.c.workout_pk)).scalars()))
    waiting = [await read(rig, read_unplaced, key) for key in keys]
    for each in waiting:
        assert await write(rig, store_place, each, find_place(each), rig.clock())
    routes = await read(rig, lambda conn: set(conn.execute(select(tracks.c.route_pk)).scalars()))
    assert len(routes) == 1


async def test_a_workout_whose_route_went_meanwhile_is_placed_again(rig: Rig) -> None:
    road = loop(1, 2500)
    first = await record(rig, ridden(road))
    second = await record(rig, ridden(road, day=1), work=False)
    for task in rig.background:
        if task.name == "workout analysis":
            await task.work()
    waiting = await read(rig, read_unplaced, await read(rig, _key_of_last))
    placed = find_place(waiting)
    await delete(rig, first)
    assert not await write(rig, store_place, waiting, placed, rig.clock())
    await work_off(rig)
    assert (await matched(rig, second)).total == 1


async def test_a_search_goes_on_where_it_was(rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr(finder, "BATCH", 1)
    road = loop(1, 2000)
    ids = [await record(rig, ridden(road, day=day)) for day in range(3)]
    segment = await create(rig, ids[0], metres(500, 1500))
    searcher = next(task for task in rig.background if isinstance(task, finder.SegmentFinder))
    await searcher.work()
    half = (await get(rig, segment.segment_id)).matching
    assert (half.workouts, half.searched, half.efforts) == (3, 1, 1)
    another = finder.SegmentFinder(rig.database, rig.clock)
    while await another.work():
        pass
    done = (await get(rig, segment.segment_id)).matching
    assert (done.workouts, done.searched, done.efforts) == (3, 3, 3)
