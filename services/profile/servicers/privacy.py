"""PrivacyService: what others may see."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.profile.v1 import privacy_service_pb2 as wire
from pulsemesh.profile.v1 import privacy_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.profile import choosing

_Context = grpc.aio.ServicerContext[object, object]


class PrivacyServicer(stubs.PrivacyServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def GetPrivacySettings(
        self, request: wire.GetPrivacySettingsRequest, context: _Context
    ) -> wire.GetPrivacySettingsResponse:
        """The caller's settings, complete."""
        async with self._database.read() as view:
            settings = await view.run(choosing.complete_settings, current_call().principal.user_id)
        return wire.GetPrivacySettingsResponse(settings=settings)

    async def UpdatePrivacySettings(
        self, request: wire.UpdatePrivacySettingsRequest, context: _Context
    ) -> wire.UpdatePrivacySettingsResponse:
        """Set rules; the others stay."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            settings = await transaction.run(choosing.choose, user_id, request.rules, self._clock_ms())
        return wire.UpdatePrivacySettingsResponse(settings=settings)

    async def ListPrivacyZones(
        self, request: wire.ListPrivacyZonesRequest, context: _Context
    ) -> wire.ListPrivacyZonesResponse:
        """The caller's zones."""
        async with self._database.read() as view:
            zones = await view.run(choosing.zones, current_call().principal.user_id)
        return wire.ListPrivacyZonesResponse(zones=zones)

    async def CreatePrivacyZone(
        self, request: wire.CreatePrivacyZoneRequest, context: _Context
    ) -> wire.CreatePrivacyZoneResponse:
        """Make a zone."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            return await transaction.run(choosing.create_zone, user_id, request, self._clock_ms())

    async def DeletePrivacyZone(
        self, request: wire.DeletePrivacyZoneRequest, context: _Context
    ) -> wire.DeletePrivacyZoneResponse:
        """Forget a zone."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(choosing.delete_zone, user_id, request.zone_id, self._clock_ms())
        return wire.DeletePrivacyZoneResponse(deleted=deleted)

    async def GetPrivacy(self, request: wire.GetPrivacyRequest, context: _Context) -> wire.GetPrivacyResponse:
        """By what another service decides what others see of a person."""
        async with self._database.read() as view:
            settings = await view.run(choosing.settings, request.user_id)
        return wire.GetPrivacyResponse(settings=settings)
