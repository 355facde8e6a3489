"""AvatarService: pictures of people."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.profile.v1 import avatar_service_pb2 as wire
from pulsemesh.profile.v1 import avatar_service_pb2_grpc as stubs
from pulsemesh.profile.v1 import privacy_pb2
from services.chassis.call import current_call
from services.chassis.database import Database
from services.profile import portraying
from services.profile.errors import AvatarNotFound, ImageInvalid
from services.profile.eyes import Eyes
from services.profile.pictures import MAX_BYTES, MEDIA_TYPE, redraw

AT_ONCE = 2
"""Pictures that are drawn at the same time: each may take 200 MB for a moment."""

_Context = grpc.aio.ServicerContext[object, object]


class AvatarServicer(stubs.AvatarServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, eyes: Eyes, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._eyes = eyes
        self._clock_ms = clock_ms
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def UploadAvatar(
        self, request_iterator: AsyncIterator[wire.UploadAvatarRequest], context: _Context
    ) -> wire.UploadAvatarResponse:
        """Draw a picture anew, in a worker thread, and keep it."""
        user_id = current_call().principal.user_id
        content = bytearray()
        async for request in request_iterator:
            content += request.chunk
            if len(content) > MAX_BYTES:
                raise ImageInvalid(f"more than {MAX_BYTES} bytes")
        async with self._turns:
            picture = await asyncio.to_thread(redraw, bytes(content))
        async with self._database.write() as transaction:
            await transaction.run(portraying.replace, user_id, picture, self._clock_ms())
        return wire.UploadAvatarResponse(avatar_id=picture.avatar_id)

    async def DeleteAvatar(
        self, request: wire.DeleteAvatarRequest, context: _Context
    ) -> wire.DeleteAvatarResponse:
        """Forget the caller's picture."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(portraying.remove, user_id, self._clock_ms())
        return wire.DeleteAvatarResponse(deleted=deleted)

    async def GetAvatar(self, request: wire.GetAvatarRequest, context: _Context) -> wire.GetAvatarResponse:
        """A picture that the caller may see."""
        seen = await self._eyes.view(current_call().principal.user_id, request.user_id)
        async with self._database.read() as view:
            found = await view.run(portraying.find, request.user_id, request.size)
        if found is None or not seen.shows(privacy_pb2.ASPECT_AVATAR):
            raise AvatarNotFound(request.user_id)
        return wire.GetAvatarResponse(avatar_id=found.avatar_id, media_type=MEDIA_TYPE, content=found.content)
