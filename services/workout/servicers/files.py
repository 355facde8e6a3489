"""FileService: original files, kept as they came."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.workout.v1 import file_service_pb2 as wire
from pulsemesh.workout.v1 import file_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout import uploading
from services.workout.errors import FileNotFound
from services.workout.messages import file_message
from services.workout.store import files

_Context = grpc.aio.ServicerContext[object, object]


class FileServicer(stubs.FileServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def UploadFile(
        self, request_iterator: AsyncIterator[wire.UploadFileRequest], context: _Context
    ) -> wire.UploadFileResponse:
        """Take a file in, unless it is there already."""
        user_id = current_call().principal.user_id
        row, existed = await uploading.receive(self._database, user_id, request_iterator, self._clock_ms())
        return wire.UploadFileResponse(file=file_message(row), existed=existed)

    async def FindFile(self, request: wire.FindFileRequest, context: _Context) -> wire.FindFileResponse:
        """The caller's file of that content, if there is one."""
        async with self._database.read() as view:
            row = await view.run(files.find_by_content, current_call().principal.user_id, request.sha256)
        return wire.FindFileResponse(file=None if row is None else file_message(row))

    async def DownloadFile(
        self, request: wire.DownloadFileRequest, context: _Context
    ) -> AsyncIterator[wire.DownloadFileResponse]:
        """The file, then its content part by part; no transaction is held while the client is slow."""
        async with self._database.read() as view:
            row = await view.run(files.find, current_call().principal.user_id, request.file_id)
        if row is None:
            raise FileNotFound(request.file_id)
        yield wire.DownloadFileResponse(file=file_message(row))
        sent = ordinal = 0
        while sent < row.size_bytes:
            async with self._database.read() as view:
                content = await view.run(files.part, row.file_id, ordinal)
            if content is None:  # deleted meanwhile: the client must not take what it has for the whole
                raise FileNotFound(request.file_id)
            yield wire.DownloadFileResponse(chunk=content)
            sent += len(content)
            ordinal += 1
