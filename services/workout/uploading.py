"""Taking a whole file in: to a spool beside memory first, then in one transaction.

The database is not held while a client sends slowly: the content goes to a temporary file (memory while it is
small), is measured and hashed on the way, and only a whole and right one is written, in parts.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Row

from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import file_service_pb2
from services.chassis.database import Database
from services.chassis.errors import InvalidField
from services.workout.errors import ChecksumMismatch, FileSizeMismatch
from services.workout.store import files

PART_BYTES = 1_048_576
_IN_MEMORY_BYTES = 4 * PART_BYTES


class Upload:
    """The content of one file on its way in; a context manager that forgets it in the end."""

    def __init__(self, header: file_service_pb2.FileHeader) -> None:
        self.header = header
        self._spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed in __exit__
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def append(self, chunk: bytes) -> None:
        """Take the next bytes. May touch the disk: not for the event loop.

        Raises:
            FileSizeMismatch: more bytes than announced.
        """
        self._size += len(chunk)
        if self._size > self.header.size_bytes:
            raise FileSizeMismatch(self.header.size_bytes, self._size)
        self._hash.update(chunk)
        self._spool.write(chunk)

    def check(self) -> None:
        """
        Raises:
            FileSizeMismatch, ChecksumMismatch: the content is not what the header announced.
        """
        if self._size != self.header.size_bytes:
            raise FileSizeMismatch(self.header.size_bytes, self._size)
        if self._hash.hexdigest() != self.header.sha256:
            raise ChecksumMismatch(self.header.sha256, self._hash.hexdigest())

    def part(self, ordinal: int) -> bytes:
        """The part of that ordinal, empty beyond the last. May touch the disk."""
        self._spool.seek(ordinal * PART_BYTES)
        return self._spool.read(PART_BYTES)


async def receive(
    database: Database,
    user_id: str,
    requests: AsyncIterator[file_service_pb2.UploadFileRequest],
    now_ms: int,
) -> tuple[Row[Any], bool]:
    """Take a file in; returns its row, and whether the person had it already.

    Content that is there already is not read again: the answer comes at once.

    Raises:
        InvalidField: the header is missing or comes twice.
        FileSizeMismatch, ChecksumMismatch: nothing was kept.
    """
    header = await _header(requests)
    async with database.write() as transaction:
        existing = await transaction.run(_find_and_link, user_id, header)
    if existing is not None:
        return existing, True
    with Upload(header) as upload:
        async for request in requests:
            if request.WhichOneof("part") != "chunk":
                raise InvalidField("header", "comes first, and once")
            await asyncio.to_thread(upload.append, request.chunk)
        upload.check()
        return await _keep(database, user_id, upload, now_ms)


async def _header(requests: AsyncIterator[file_service_pb2.UploadFileRequest]) -> file_service_pb2.FileHeader:
    async for request in requests:
        if request.WhichOneof("part") == "header":
            if "\0" in request.header.name:
                raise InvalidField("header.name", "must not hold a NUL character")
            return request.header
        break
    raise InvalidField("header", "must come first")


async def _keep(database: Database, user_id: str, upload: Upload, now_ms: int) -> tuple[Row[Any], bool]:
    """Write the file and all its parts in one transaction."""
    file_id = new_ulid(now_ms)
    async with database.write() as transaction:
        added = await transaction.run(_add, file_id, user_id, upload.header, now_ms)
        ordinal = 0
        while added and (content := await asyncio.to_thread(upload.part, ordinal)):
            await transaction.run(files.add_part, file_id, ordinal, content)
            ordinal += 1
        row = await transaction.run(files.find_by_content, user_id, upload.header.sha256)
    assert row is not None
    return row, not added


def _find_and_link(conn: Connection, user_id: str, header: file_service_pb2.FileHeader) -> Row[Any] | None:
    row = files.find_by_content(conn, user_id, header.sha256)
    if row is not None and not row.recording_id and header.recording_id:
        files.link_to_recording(conn, row.file_id, header.recording_id)
        return files.find(conn, user_id, row.file_id)
    return row


def _add(
    conn: Connection, file_id: str, user_id: str, header: file_service_pb2.FileHeader, now_ms: int
) -> bool:
    return files.add(
        conn,
        file_id=file_id,
        user_id=user_id,
        sha256=header.sha256,
        name=header.name,
        size_bytes=header.size_bytes,
        recording_id=header.recording_id,
        now_ms=now_ms,
    )
