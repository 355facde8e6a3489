"""The life of a workout, the same in every mode: recorded, watched, read, edited, deleted, told to others."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.errors import EtagMismatch, NotFound
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2
from tests.fixtures.waiting import eventually
from tests.modes.conftest import Deployment
from tests.modes.listener import heard

START_MS = 1_700_000_000_000
SAMPLES = 120

Update = recording_service_pb2.WatchRecordingResponse


class Watcher:
    """Keeps what a watch shows, and when."""

    def __init__(self, updates: AsyncIterator[Update]) -> None:
        self.updates: list[Update] = []
        self._task = asyncio.create_task(self._watch(updates))

    async def _watch(self, updates: AsyncIterator[Update]) -> None:
        async for update in updates:
            self.updates.append(update)

    def last_value(self) -> float:
        """The latest heart rate that was shown; 0 before the first."""
        values = [value.value for update in self.updates for value in update.values]
        return values[-1] if values else 0.0

    async def end(self) -> Update:
        """Wait for the end of the watch and return its last message."""
        await asyncio.wait_for(self._task, 30)
        return self.updates[-1]


async def test_a_workout_lives_the_same_life_in_every_mode(deployment: Deployment, tmp_path: Path) -> None:
    sender, reader = await deployment.client("rider"), await deployment.client("rider")
    stranger = await deployment.client("stranger")

    # Recorded live, and watched by somebody else as it is committed.
    async with sender.ingest.record("cycling", ["heart_rate"], title="Ride", start=START_MS) as recording:
        await recording.add(START_MS, heart_rate=100)
        await eventually(lambda: recording.unacknowledged == 0)
        # Some of them are served by another worker than the sender, where there are several.
        others = [reader, *[await deployment.client("rider") for _ in range(3)]]
        watchers = [Watcher(other.recordings.watch(recording.recording_id)) for other in others]
        await eventually(lambda: all(watcher.updates for watcher in watchers))
        for second in range(1, SAMPLES):
            await recording.add(START_MS + 1000 * second, heart_rate=100 + second)
        await eventually(lambda: recording.unacknowledged == 0)
        committed = time.monotonic()
        await eventually(lambda: all(one.last_value() == 100 + SAMPLES - 1 for one in watchers))
        print(f"\nshown to {len(watchers)} watchers {time.monotonic() - committed:.2f} s after the ack")
        with pytest.raises(NotFound):
            await stranger.recordings.get(recording.recording_id)
    for watcher in watchers:
        last = await watcher.end()
        assert last.state == recording_pb2.RECORDING_STATE_CLOSED
        assert last.workout_id == recording.workout_id

    # Read.
    workout_id = recording.workout_id
    assert [workout.workout_id async for workout in reader.workouts.list()] == [workout_id]
    assert [workout async for workout in stranger.workouts.list()] == []
    workout = await reader.workouts.get(workout_id)
    assert workout.title == "Ride"
    series = (await reader.workouts.streams(workout_id)).of("heart_rate")
    assert series.columns["heart_rate"] == [100.0 + second for second in range(SAMPLES)]
    assert series.times_ms == [START_MS + 1000 * second for second in range(SAMPLES)]

    # Edited: seen by the other connection at once, and not over somebody's head.
    edited = await sender.workouts.update(workout_id, title="Evening ride", etag=workout.etag)
    assert (await reader.workouts.get(workout_id)).title == "Evening ride"
    with pytest.raises(EtagMismatch):
        await reader.workouts.update(workout_id, title="Mine", etag=workout.etag)
    assert edited.etag != workout.etag

    # Its original file.
    content = bytes(range(256)) * 2_000
    uploaded = await sender.files.upload(content, name="ride.fit", recording_id=recording.recording_id)
    assert not uploaded.existed
    assert uploaded.file.workout_id == workout_id
    assert uploaded.file.sha256 == hashlib.sha256(content).hexdigest()
    assert (await reader.files.upload(content, name="ride.fit")).existed
    assert await reader.files.read(uploaded.file.file_id) == content
    with pytest.raises(NotFound):
        await stranger.files.read(uploaded.file.file_id)

    # Deleted, with everything that belonged to it.
    assert await sender.workouts.delete(workout_id)
    with pytest.raises(NotFound):
        await reader.workouts.get(workout_id)
    with pytest.raises(NotFound):
        await reader.files.read(uploaded.file.file_id)
    assert [workout async for workout in reader.workouts.list()] == []

    # Told to other services, in order and once.
    expected = [
        f"RecordingStarted {recording.recording_id}",
        f"WorkoutRecorded {workout_id}",
        f"WorkoutUpdated {workout_id}",
        f"WorkoutDeleted {workout_id}",
    ]

    async def told() -> bool:
        return len(await heard(deployment.events)) >= len(expected)

    await eventually(told)
    assert await heard(deployment.events) == expected
