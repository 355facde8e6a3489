"""ProfileService: who a person is."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.profile.v1 import profile_service_pb2 as wire
from pulsemesh.profile.v1 import profile_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.profile import claiming, editing, showing
from services.profile.errors import PersonNotFound
from services.profile.eyes import Eyes

_Context = grpc.aio.ServicerContext[object, object]


class ProfileServicer(stubs.ProfileServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, eyes: Eyes, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._eyes = eyes
        self._clock_ms = clock_ms

    async def GetProfile(self, request: wire.GetProfileRequest, context: _Context) -> wire.GetProfileResponse:
        """The caller's own profile."""
        user_id, now_ms = current_call().principal.user_id, self._clock_ms()
        async with self._database.read() as view:
            profile = await view.run(editing.find, user_id, now_ms)
        if profile is None:
            async with self._database.write() as transaction:
                profile = await transaction.run(editing.get, user_id, now_ms)
        return wire.GetProfileResponse(profile=profile)

    async def UpdateProfile(
        self, request: wire.UpdateProfileRequest, context: _Context
    ) -> wire.UpdateProfileResponse:
        """Change what the mask names."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            return await transaction.run(editing.update, user_id, request, self._clock_ms())

    async def CheckHandle(
        self, request: wire.CheckHandleRequest, context: _Context
    ) -> wire.CheckHandleResponse:
        """Whether the caller could have a handle."""
        user_id = current_call().principal.user_id
        async with self._database.read() as view:
            return await view.run(claiming.check, user_id, request.handle, self._clock_ms())

    async def ClaimHandle(
        self, request: wire.ClaimHandleRequest, context: _Context
    ) -> wire.ClaimHandleResponse:
        """Give the caller a handle."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            profile = await transaction.run(claiming.claim, user_id, request.handle, self._clock_ms())
        return wire.ClaimHandleResponse(profile=profile)

    async def GetPublicProfile(
        self, request: wire.GetPublicProfileRequest, context: _Context
    ) -> wire.GetPublicProfileResponse:
        """A person as the caller sees them."""
        viewer_id, now_ms = current_call().principal.user_id, self._clock_ms()
        asked_for = request.user_id or request.handle
        async with self._database.read() as view:
            user_id: str | None = request.user_id
            if not user_id:
                user_id = await view.run(claiming.person_of, request.handle, now_ms)
        if user_id is None:
            raise PersonNotFound(asked_for)
        seen = await self._eyes.view(viewer_id, user_id)
        async with self._database.read() as view:
            profile = await view.run(showing.public_profile, user_id, seen, now_ms)
        if profile is None:
            raise PersonNotFound(asked_for)
        return wire.GetPublicProfileResponse(profile=profile)
