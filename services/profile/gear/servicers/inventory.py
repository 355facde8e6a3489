"""GearService: the inventory, installations, service log, wear."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.profile.v1 import gear_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.profile.gear import installing, inventory, listing, servicing
from services.profile.gear.catalogue import component_types
from services.profile.gear.messages import gear_messages, installation_messages, record_message
from services.profile.gear.store import installations as installation_store
from services.profile.gear.store import inventory as store

DEFAULT_PAGE = 50

_Context = grpc.aio.ServicerContext[object, object]


class GearServicer(stubs.GearServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def CreateGear(self, request: wire.CreateGearRequest, context: _Context) -> wire.CreateGearResponse:
        """Add gear."""
        user_id, now_ms = _caller(), self._clock_ms()

        def made(conn: Connection) -> gear_pb2.Gear:
            gear_id = inventory.create(conn, user_id, request, now_ms)
            return _told(conn, inventory.owned(conn, user_id, gear_id), now_ms)

        async with self._database.write() as transaction:
            return wire.CreateGearResponse(gear=await transaction.run(made))

    async def GetGear(self, request: wire.GetGearRequest, context: _Context) -> wire.GetGearResponse:
        """One piece of gear."""
        user_id, now_ms = _caller(), self._clock_ms()

        def found(conn: Connection) -> gear_pb2.Gear:
            return _told(conn, inventory.owned(conn, user_id, request.gear_id), now_ms)

        async with self._database.read() as view:
            return wire.GetGearResponse(gear=await view.run(found))

    async def ListGear(self, request: wire.ListGearRequest, context: _Context) -> wire.ListGearResponse:
        """A page of the inventory."""
        user_id, now_ms = _caller(), self._clock_ms()
        kinds = sorted(int(kind) for kind in request.kinds)
        scope = ("gear", user_id, repr(kinds), str(request.with_retired))
        after = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE

        def listed(conn: Connection) -> tuple[Sequence[Row[Any]], list[gear_pb2.Gear]]:
            rows = store.page(
                conn,
                user_id,
                kinds,
                with_retired=request.with_retired,
                after_pk=0 if after is None else after[0],
                limit=size + 1,
            )
            return rows, gear_messages(conn, rows[:size], now_ms)

        async with self._database.read() as view:
            rows, messages = await view.run(listed)
        response = wire.ListGearResponse(gear=messages)
        if len(rows) > size:
            response.next_page_token = page_tokens.write((rows[size - 1].gear_pk, 0), *scope)
        return response

    async def UpdateGear(self, request: wire.UpdateGearRequest, context: _Context) -> wire.UpdateGearResponse:
        """Change what the mask names."""
        return wire.UpdateGearResponse(gear=await self._changed(inventory.update, request))

    async def RetireGear(self, request: wire.RetireGearRequest, context: _Context) -> wire.RetireGearResponse:
        """Take gear out of use."""
        return wire.RetireGearResponse(gear=await self._changed(inventory.retire, request))

    async def RestoreGear(
        self, request: wire.RestoreGearRequest, context: _Context
    ) -> wire.RestoreGearResponse:
        """Put gear back into use."""
        return wire.RestoreGearResponse(gear=await self._changed(inventory.restore, request))

    async def DeleteGear(self, request: wire.DeleteGearRequest, context: _Context) -> wire.DeleteGearResponse:
        """Delete gear and its words."""
        async with self._database.write() as transaction:
            deleted = await transaction.run(inventory.delete, _caller(), request.gear_id, self._clock_ms())
        return wire.DeleteGearResponse(deleted=deleted)

    async def ListComponentTypes(
        self, request: wire.ListComponentTypesRequest, context: _Context
    ) -> wire.ListComponentTypesResponse:
        """The catalogue."""
        known = component_types().values()
        fitting = [each for each in known if not request.fits or request.fits in each.fits]
        return wire.ListComponentTypesResponse(types=fitting)

    async def InstallComponent(
        self, request: wire.InstallComponentRequest, context: _Context
    ) -> wire.InstallComponentResponse:
        """Put a component on gear."""
        user_id, now_ms = _caller(), self._clock_ms()

        def installed(conn: Connection) -> gear_pb2.Installation:
            made_id = installing.install(conn, user_id, request, now_ms)
            row = installing.found(conn, user_id, made_id)
            return installation_messages(conn, user_id, [row])[0]

        async with self._database.write() as transaction:
            return wire.InstallComponentResponse(installation=await transaction.run(installed))

    async def RemoveComponent(
        self, request: wire.RemoveComponentRequest, context: _Context
    ) -> wire.RemoveComponentResponse:
        """Take a component off."""
        user_id, now_ms = _caller(), self._clock_ms()

        def removed(conn: Connection) -> list[gear_pb2.Installation]:
            row = installing.remove(conn, user_id, request, now_ms)
            return [] if row is None else installation_messages(conn, user_id, [row])

        async with self._database.write() as transaction:
            ended = await transaction.run(removed)
        return wire.RemoveComponentResponse(installation=ended[0] if ended else None)

    async def CorrectInstallation(
        self, request: wire.CorrectInstallationRequest, context: _Context
    ) -> wire.CorrectInstallationResponse:
        """Correct the history."""
        user_id, now_ms = _caller(), self._clock_ms()

        def corrected(conn: Connection) -> gear_pb2.Installation:
            row = installing.correct(conn, user_id, request, now_ms)
            return installation_messages(conn, user_id, [row])[0]

        async with self._database.write() as transaction:
            return wire.CorrectInstallationResponse(installation=await transaction.run(corrected))

    async def DeleteInstallation(
        self, request: wire.DeleteInstallationRequest, context: _Context
    ) -> wire.DeleteInstallationResponse:
        """Delete what never was."""
        async with self._database.write() as transaction:
            deleted = await transaction.run(
                installing.delete, _caller(), request.installation_id, self._clock_ms()
            )
        return wire.DeleteInstallationResponse(deleted=deleted)

    async def ListInstallations(
        self, request: wire.ListInstallationsRequest, context: _Context
    ) -> wire.ListInstallationsResponse:
        """Where a component sat, or what sat on gear."""
        user_id = _caller()
        scope = ("installations", user_id, request.gear_id, str(request.current))
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE

        def listed(conn: Connection) -> tuple[list[Row[Any]], list[gear_pb2.Installation]]:
            gear = inventory.owned(conn, user_id, request.gear_id)
            rows = installation_store.page(
                conn, user_id, gear.gear_pk, current=request.current, before=before, limit=size + 1
            )
            return rows, installation_messages(conn, user_id, rows[:size])

        async with self._database.read() as view:
            rows, messages = await view.run(listed)
        response = wire.ListInstallationsResponse(installations=messages)
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = page_tokens.write((last.from_ms, last.installation_pk), *scope)
        return response

    async def AddServiceRecord(
        self, request: wire.AddServiceRecordRequest, context: _Context
    ) -> wire.AddServiceRecordResponse:
        """Write down what was done."""
        user_id, now_ms = _caller(), self._clock_ms()

        def added(conn: Connection) -> gear_pb2.ServiceRecord:
            made_id = servicing.add_record(conn, user_id, request, now_ms)
            return record_message(servicing.record(conn, user_id, made_id), request.gear_id)

        async with self._database.write() as transaction:
            return wire.AddServiceRecordResponse(record=await transaction.run(added))

    async def ListServiceRecords(
        self, request: wire.ListServiceRecordsRequest, context: _Context
    ) -> wire.ListServiceRecordsResponse:
        """A page of a service log."""
        user_id = _caller()
        scope = ("service", user_id, request.gear_id)
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE

        def listed(conn: Connection) -> list[Row[Any]]:
            gear = inventory.owned(conn, user_id, request.gear_id)
            return installation_store.record_page(conn, user_id, gear.gear_pk, before, size + 1)

        async with self._database.read() as view:
            rows = await view.run(listed)
        records = [record_message(row, request.gear_id) for row in rows[:size]]
        response = wire.ListServiceRecordsResponse(records=records)
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = page_tokens.write((last.serviced_ms, last.record_pk), *scope)
        return response

    async def DeleteServiceRecord(
        self, request: wire.DeleteServiceRecordRequest, context: _Context
    ) -> wire.DeleteServiceRecordResponse:
        """Delete a line of a service log."""
        async with self._database.write() as transaction:
            deleted = await transaction.run(
                servicing.delete_record, _caller(), request.record_id, self._clock_ms()
            )
        return wire.DeleteServiceRecordResponse(deleted=deleted)

    async def SetWearTarget(
        self, request: wire.SetWearTargetRequest, context: _Context
    ) -> wire.SetWearTargetResponse:
        """Set a target."""
        return wire.SetWearTargetResponse(gear=await self._changed(servicing.set_target, request))

    async def DeleteWearTarget(
        self, request: wire.DeleteWearTargetRequest, context: _Context
    ) -> wire.DeleteWearTargetResponse:
        """Take a target away."""
        async with self._database.write() as transaction:
            deleted = await transaction.run(servicing.delete_target, _caller(), request)
        return wire.DeleteWearTargetResponse(deleted=deleted)

    async def ListAlerts(self, request: wire.ListAlertsRequest, context: _Context) -> wire.ListAlertsResponse:
        """What is worn."""
        async with self._database.read() as view:
            alerts = await view.run(listing.alerts, _caller(), self._clock_ms())
        return wire.ListAlertsResponse(alerts=alerts)

    async def _changed(self, change: Callable[..., Row[Any]], request: Any) -> gear_pb2.Gear:
        user_id, now_ms = _caller(), self._clock_ms()

        def changed(conn: Connection) -> gear_pb2.Gear:
            return _told(conn, change(conn, user_id, request, now_ms), now_ms)

        async with self._database.write() as transaction:
            return await transaction.run(changed)


def _caller() -> str:
    return current_call().principal.user_id


def _told(conn: Connection, row: Row[Any], now_ms: int) -> gear_pb2.Gear:
    return gear_messages(conn, [row], now_ms)[0]
