"""Workouts as files: one in a format of choice, or everything in one archive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any, TypeAlias

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.errors import Internal, PulsemeshError
from pulsemesh.parts.whole_files import whole_file
from pulsemesh.workout.v1 import export_service_pb2, export_service_pb2_grpc

__all__ = ["FORMATS", "Export", "ExportProgress", "Exports", "OnExportProgress"]

FORMATS: dict[str, export_service_pb2.ExportFormat.ValueType] = {
    "original": export_service_pb2.EXPORT_FORMAT_ORIGINAL,
    "fit": export_service_pb2.EXPORT_FORMAT_FIT,
    "gpx": export_service_pb2.EXPORT_FORMAT_GPX,
    "tcx": export_service_pb2.EXPORT_FORMAT_TCX,
    "csv": export_service_pb2.EXPORT_FORMAT_CSV,
    "parquet": export_service_pb2.EXPORT_FORMAT_PARQUET,
}
"""What a workout can be written as, by name."""

_WORKOUT = "/pulsemesh.workout.v1.ExportService/ExportWorkout"
_ARCHIVE = "/pulsemesh.workout.v1.ExportService/ExportArchive"


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How far an export is."""

    bytes_done: int = 0
    bytes_total: int | None = None
    """None while the platform does not know."""
    workouts: int = 0
    """Of an archive: how many are through."""
    workouts_total: int = 0
    damaged: int = 0
    """Of those that are through, how many the platform could not read; the manifest says which."""


OnExportProgress: TypeAlias = Callable[[ExportProgress], None]


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported."""

    file_name: str
    """As the platform would name it."""
    media_type: str
    size_bytes: int
    sha256: str
    damaged: int = 0
    """Of an archive: how many workouts the platform could not read."""
    path: Path = Path()
    """Where it was written."""


class Exports:
    """Exports of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = export_service_pb2_grpc.ExportServiceStub(channel.for_stub())

    async def workout(self, workout_id: str, form: str = "fit") -> AsyncGenerator[bytes, None]:
        """Give the content of a workout in a format (see `FORMATS`), piece by piece.

        A break half way is an error; `read` and `save` begin anew instead. Raises `NotFound`,
        and `FailedPrecondition` with the reason FORMAT_UNSUITABLE where the format cannot carry
        the workout: its message says which can.
        """
        reception = _Reception()
        async for response in self._stub.ExportWorkout(_request(workout_id, form)):
            if (chunk := reception.take(response)) is not None:
                yield chunk
        reception.finish()

    async def read(self, workout_id: str, form: str = "fit") -> bytes:
        """Return a workout in a format, whole. Raises as `workout` does."""
        buffer = BytesIO()
        await self._receive(_WORKOUT, self._workout_call(workout_id, form), buffer, None)
        return buffer.getvalue()

    async def save(
        self,
        workout_id: str,
        form: str = "fit",
        path: str | Path = ".",
        *,
        progress: OnExportProgress | None = None,
    ) -> Export:
        """Write a workout to `path`, whole or not at all.

        Where `path` is a directory, the file has there the name that the platform gives it.
        Raises as `workout` does.
        """
        call = self._workout_call(workout_id, form)
        return await self._receive_file(_WORKOUT, call, Path(path), progress)

    async def archive(
        self,
        path: str | Path,
        *,
        renditions: bool = True,
        progress: OnExportProgress | None = None,
    ) -> Export:
        """Write everything to `path`, a zip file or a directory for one, whole or not at all.

        It holds for each workout the original file, where there is one, and a form that
        `pulsemesh-edge import` reads back equal; with `renditions` a FIT file for other tools too.
        """
        request = export_service_pb2.ExportArchiveRequest(without_renditions=not renditions)

        def call(timeout_s: float | None) -> Any:
            return self._stub.ExportArchive(request, timeout=timeout_s)

        return await self._receive_file(_ARCHIVE, call, Path(path), progress)

    def _workout_call(self, workout_id: str, form: str) -> _Call:
        request = _request(workout_id, form)
        return lambda timeout_s: self._stub.ExportWorkout(request, timeout=timeout_s)

    async def _receive_file(
        self, method: str, call: _Call, path: Path, progress: OnExportProgress | None
    ) -> Export:
        async with whole_file(path) as part:
            export = await self._receive(method, call, part.stream, progress)
            part.name = export.file_name
        return replace(export, path=part.target)

    async def _receive(
        self, method: str, call: _Call, into: IO[bytes], progress: OnExportProgress | None
    ) -> Export:
        """Receive an export and check it; one that breaks half way begins anew."""
        attempts = self._channel.attempts(method)
        while True:
            into.seek(0)
            into.truncate()
            try:
                return await _take(aiter(call(attempts.remaining_s())), into, progress)
            except PulsemeshError as error:
                if not into.tell():
                    raise  # the channel has tried all that is worth trying
                await attempts.recover(error, opening=False)


_Call: TypeAlias = Callable[[float | None], Any]


def _request(workout_id: str, form: str) -> export_service_pb2.ExportWorkoutRequest:
    if form not in FORMATS:
        raise ValueError(f"{form}: no such format; there are {', '.join(FORMATS)}")
    return export_service_pb2.ExportWorkoutRequest(workout_id=workout_id, format=FORMATS[form])


class _Reception:
    """Takes the parts of an export, and says in the end whether it is whole."""

    def __init__(self) -> None:
        self.header = export_service_pb2.ExportHeader()
        self.progress = ExportProgress()
        self._trailer: export_service_pb2.ExportTrailer | None = None
        self._digest = hashlib.sha256()

    def take(self, response: Any) -> bytes | None:
        """Return the content of a part, None where it has none."""
        match response.WhichOneof("part"):
            case "header":
                self.header = response.header
                if self.header.HasField("size_bytes"):
                    self.progress = replace(self.progress, bytes_total=self.header.size_bytes)
            case "chunk":
                self._digest.update(response.chunk)
                done = self.progress.bytes_done + len(response.chunk)
                self.progress = replace(self.progress, bytes_done=done)
                chunk: bytes = response.chunk
                return chunk
            case "progress":
                told = response.progress
                self.progress = replace(
                    self.progress,
                    workouts=told.workouts,
                    workouts_total=told.workouts_total,
                    damaged=told.damaged,
                )
            case "trailer":
                self._trailer = response.trailer
        return None

    def finish(self) -> Export:
        """Return what was received. Raises `Internal` where it is not what the platform sent."""
        size, sha256 = self.progress.bytes_done, self._digest.hexdigest()
        if self._trailer is None or (self._trailer.size_bytes, self._trailer.sha256) != (size, sha256):
            raise Internal(f"{self.header.file_name} did not arrive as it was sent")
        return Export(self.header.file_name, self.header.media_type, size, sha256, self.progress.damaged)


async def _take(responses: AsyncIterator[Any], into: IO[bytes], progress: OnExportProgress | None) -> Export:
    reception = _Reception()
    async for response in responses:
        chunk = reception.take(response)
        if chunk is not None:
            await asyncio.to_thread(into.write, chunk)
        if progress is not None:
            progress(reception.progress)
    return reception.finish()
