"""Original device files: sending them, finding them, getting them back byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.errors import Internal, PulsemeshError
from pulsemesh.workout.v1 import file_service_pb2, file_service_pb2_grpc

__all__ = ["Files", "Progress", "UploadedFile"]

CHUNK_BYTES = 256 * 1024

Progress = Callable[[int, int], None]
"""Called with the bytes that are through so far and those there are in all."""

_UPLOAD = "/pulsemesh.workout.v1.FileService/UploadFile"
_DOWNLOAD = "/pulsemesh.workout.v1.FileService/DownloadFile"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that the platform holds."""

    file: file_service_pb2.StoredFile
    existed: bool
    """True where the platform held it already, so that nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What is to be sent: its header, and where its bytes are."""

    header: file_service_pb2.FileHeader
    open: Callable[[], IO[bytes]]


class Files:
    """The files of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = file_service_pb2_grpc.FileServiceStub(channel.for_stub())

    async def find(self, sha256: str) -> file_service_pb2.StoredFile | None:
        """Return the file with this content, by its SHA-256 in hexadecimal, or None."""
        response = await self._stub.FindFile(file_service_pb2.FindFileRequest(sha256=sha256))
        return response.file if response.HasField("file") else None

    async def upload(
        self,
        content: str | Path | bytes,
        *,
        name: str = "",
        recording_id: str = "",
        progress: Progress | None = None,
    ) -> UploadedFile:
        """Send a file, given by its path or as bytes, unless the platform holds it already.

        `name` is needed for bytes, and replaces the path's own. `recording_id` is the recording
        that was read from the file. After a break the platform is asked for the file before it
        is sent again: it may have taken it, and only the answer was lost. `progress` is called
        with bytes sent and bytes in all; it starts again where the sending does.
        """
        what = await asyncio.to_thread(_describe, content, name, recording_id)
        held = await self._held(what, progress)
        attempts = self._channel.attempts(_UPLOAD)
        while held is None:
            try:
                return await self._send(what, progress, attempts.remaining_s())
            except PulsemeshError as error:
                await attempts.recover(error, opening=True)
            held = await self._held(what, progress)
        return held

    async def _send(self, what: _Content, progress: Progress | None, timeout_s: float | None) -> UploadedFile:
        # Opened here and not by the generator: gRPC leaves one that it no longer needs unfinished.
        with what.open() as stream:
            requests = _requests(what.header, stream, progress)
            response = await self._stub.UploadFile(requests, timeout=timeout_s)
        return UploadedFile(response.file, response.existed)

    async def _held(self, what: _Content, progress: Progress | None) -> UploadedFile | None:
        found = await self.find(what.header.sha256)
        if found is None:
            return None
        if progress is not None:
            progress(what.header.size_bytes, what.header.size_bytes)
        return UploadedFile(found, existed=True)

    async def read(self, file_id: str, *, progress: Progress | None = None) -> bytes:
        """Return a file's content. Raises `NotFound`."""
        buffer = BytesIO()
        await self._receive(file_id, buffer, progress)
        return buffer.getvalue()

    async def download(
        self, file_id: str, path: str | Path, *, progress: Progress | None = None
    ) -> file_service_pb2.StoredFile:
        """Write a file to `path`, whole or not at all, and return what the platform says of it."""
        target = Path(path)
        handle, temporary = await asyncio.to_thread(
            tempfile.mkstemp, dir=target.parent, prefix=f".{target.name}."
        )
        try:
            with os.fdopen(handle, "wb") as part:
                stored = await self._receive(file_id, part, progress)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        return stored

    async def _receive(
        self, file_id: str, into: IO[bytes], progress: Progress | None
    ) -> file_service_pb2.StoredFile:
        """Receive a file and check it; a download that breaks half way begins anew."""
        attempts = self._channel.attempts(_DOWNLOAD)
        request = file_service_pb2.DownloadFileRequest(file_id=file_id)
        while True:
            into.seek(0)
            into.truncate()
            try:
                responses = self._stub.DownloadFile(request, timeout=attempts.remaining_s())
                return await _take(aiter(responses), into, progress)
            except PulsemeshError as error:
                if not into.tell():
                    raise  # the channel has tried all that is worth trying
                await attempts.recover(error, opening=False)


def _describe(content: str | Path | bytes, name: str, recording_id: str) -> _Content:
    """Read the file once for its size and digest."""
    if isinstance(content, bytes):
        if not name:
            raise ValueError("bytes need a name")
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
        opener: Callable[[], IO[bytes]] = lambda: BytesIO(content)  # noqa: E731
    else:
        path = Path(content)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
        name = name or path.name
        opener = lambda: path.open("rb")  # noqa: E731
    header = file_service_pb2.FileHeader(name=name, size_bytes=size, sha256=digest, recording_id=recording_id)
    return _Content(header, opener)


async def _requests(
    header: file_service_pb2.FileHeader, stream: IO[bytes], progress: Progress | None
) -> AsyncIterator[file_service_pb2.UploadFileRequest]:
    yield file_service_pb2.UploadFileRequest(header=header)
    sent = 0
    while not stream.closed and (chunk := await asyncio.to_thread(stream.read, CHUNK_BYTES)):
        yield file_service_pb2.UploadFileRequest(chunk=chunk)
        sent += len(chunk)
        if progress is not None:
            progress(sent, header.size_bytes)


async def _take(
    responses: AsyncIterator[file_service_pb2.DownloadFileResponse],
    into: IO[bytes],
    progress: Progress | None,
) -> file_service_pb2.StoredFile:
    stored = file_service_pb2.StoredFile()
    digest = hashlib.sha256()
    received = 0
    async for response in responses:
        if response.HasField("file"):
            stored = response.file
            continue
        into.write(response.chunk)
        digest.update(response.chunk)
        received += len(response.chunk)
        if progress is not None:
            progress(received, stored.size_bytes)
    if digest.hexdigest() != stored.sha256:
        raise Internal(f"{stored.name or stored.file_id} did not arrive as it is stored: its SHA-256 differs")
    return stored
