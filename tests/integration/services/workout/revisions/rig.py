"""Stubs and shorthands of the tests of corrections and derivations."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from pulsemesh.workout.v1 import (
    revision_pb2,
    revision_service_pb2,
    revision_service_pb2_grpc,
    workout_service_pb2,
)
from services.workout import tables
from tests.integration.services.workout.conftest import Rig, collected

HOUR_MS = 3_600_000

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests that are not about locks, nor about SQL that the databases could differ in."""


def revisions(rig: Rig) -> Any:
    return revision_service_pb2_grpc.RevisionServiceStub(rig.channel)


def crop(start_ms: int = 0, end_ms: int = 0) -> revision_pb2.Operation:
    return revision_pb2.Operation(crop=revision_pb2.Crop(start_time_ms=start_ms, end_time_ms=end_ms))


def cut(start_ms: int, end_ms: int) -> revision_pb2.Operation:
    return revision_pb2.Operation(cut=revision_pb2.Cut(start_time_ms=start_ms, end_time_ms=end_ms))


def scale(channel: int, factor: float) -> revision_pb2.Operation:
    return revision_pb2.Operation(
        scale_channel=revision_pb2.ScaleChannel(channel=channel, factor=factor)  # type: ignore[arg-type]
    )


async def revise(rig: Rig, workout_id: str, *operations: revision_pb2.Operation, **options: Any) -> Any:
    request = revision_service_pb2.ReviseWorkoutRequest(
        workout_id=workout_id, revision=revision_pb2.Revision(operations=operations), **options
    )
    return await revisions(rig).ReviseWorkout(request, metadata=rig.who)


async def revert(rig: Rig, workout_id: str, **options: Any) -> Any:
    request = revision_service_pb2.RevertRevisionRequest(workout_id=workout_id, **options)
    return await revisions(rig).RevertRevision(request, metadata=rig.who)


async def revision_of(rig: Rig, workout_id: str) -> Any:
    request = revision_service_pb2.GetRevisionRequest(workout_id=workout_id)
    return await revisions(rig).GetRevision(request, metadata=rig.who)


async def samples_of(rig: Rig, workout_id: str, **options: Any) -> list[bytes]:
    """What ReadStreams sends, message by message."""
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id, **options)
    stream = rig.workouts.ReadStreams(request, metadata=rig.who)
    return [response.segment.SerializeToString() for response in await collected(stream)]


async def times_of(rig: Rig, workout_id: str) -> list[int]:
    """The times of all samples of the first source."""
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id)
    times: list[int] = []
    for response in await collected(rig.workouts.ReadStreams(request, metadata=rig.who)):
        time_ms = response.segment.start_time_ms
        times.append(time_ms)
        for delta in response.segment.time_deltas_ms:
            time_ms += delta
            times.append(time_ms)
    return times


async def stored(rig: Rig, workout_id: str) -> dict[str, Any]:
    """The row of a workout and its chunks, byte by byte, without what every change changes."""
    async with rig.database.read() as view:
        return await view.run(_stored, workout_id)


def _stored(conn: Connection, workout_id: str) -> dict[str, Any]:
    row = conn.execute(select(tables.workouts).where(tables.workouts.c.workout_id == workout_id)).one()
    kept = row._asdict()
    del kept["version"], kept["updated_ms"]
    chunks = conn.execute(
        select(tables.chunks)
        .join(tables.sources, tables.sources.c.source_pk == tables.chunks.c.source_pk)
        .where(tables.sources.c.recording_pk == row.recording_pk)
        .order_by(tables.chunks.c.source_pk, tables.chunks.c.ordinal)
    ).all()
    return {"row": kept, "chunks": [tuple(chunk) for chunk in chunks]}
