"""One workout, streamed in one format."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

from pulsemesh.workout.v1 import export_service_pb2 as wire
from services.chassis.database import Database
from services.workout.errors import WorkoutNotFound
from services.workout.exporting import names
from services.workout.exporting.errors import FormatUnsuitable
from services.workout.exporting.originals import read_original
from services.workout.exporting.renditions import pieces, render
from services.workout.exporting.stored import StoredWorkout, load

CHUNK_BYTES = 256 * 1024


async def export_workout(
    database: Database, user_id: str, workout_id: str, form: wire.ExportFormat.ValueType
) -> AsyncGenerator[wire.ExportWorkoutResponse, None]:
    """Header, content, trailer; each block is made in a worker thread when the client has room for it.

    Raises:
        WorkoutNotFound, FormatUnsuitable: before anything was sent.
    """
    async with database.read() as view:
        stored = await view.run(load, user_id, workout_id)
    if stored is None:
        raise WorkoutNotFound(workout_id)
    if form == wire.EXPORT_FORMAT_ORIGINAL:
        header, blocks = _original(database, stored)
    else:
        header, blocks = await _rendition(stored, form)
    yield wire.ExportWorkoutResponse(header=header)
    digest, size = hashlib.sha256(), 0
    async for block in blocks:
        for piece in pieces(block, CHUNK_BYTES):
            yield wire.ExportWorkoutResponse(chunk=piece)
        digest.update(block)
        size += len(block)
    yield wire.ExportWorkoutResponse(trailer=wire.ExportTrailer(size_bytes=size, sha256=digest.hexdigest()))


def _original(database: Database, stored: StoredWorkout) -> tuple[wire.ExportHeader, AsyncIterator[bytes]]:
    if stored.file is None:
        raise FormatUnsuitable(
            "the original",
            "file_id",
            "this workout was recorded live, there is no original file",
            "export it as FIT",
        )
    header = wire.ExportHeader(
        file_name=names.safe(stored.file.name),
        media_type="application/octet-stream",
        size_bytes=stored.file.size_bytes,
    )
    return header, read_original(database, stored.file)


async def _rendition(
    stored: StoredWorkout, form: wire.ExportFormat.ValueType
) -> tuple[wire.ExportHeader, AsyncIterator[bytes]]:
    rendition = await asyncio.to_thread(render, stored, form)
    header = wire.ExportHeader(
        file_name=rendition.file_name,
        media_type=rendition.media_type,
        size_bytes=rendition.size_bytes,
    )

    async def blocks() -> AsyncIterator[bytes]:
        while (block := await asyncio.to_thread(next, rendition.blocks, None)) is not None:
            yield block

    return header, blocks()
