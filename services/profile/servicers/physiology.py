"""PhysiologyService: what a body is known to do."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.profile.v1 import physiology_service_pb2 as wire
from pulsemesh.profile.v1 import physiology_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.profile import days, physiology
from services.profile.messages import physiology_message
from services.profile.store import physiology as store
from services.profile.store import profiles

DEFAULT_PAGE = 100

_Context = grpc.aio.ServicerContext[object, object]


class PhysiologyServicer(stubs.PhysiologyServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def GetPhysiology(
        self, request: wire.GetPhysiologyRequest, context: _Context
    ) -> wire.GetPhysiologyResponse:
        """What holds on a day."""
        user_id = current_call().principal.user_id
        async with self._database.read() as view:
            if request.day:
                day = days.day_of(request.day, "day")
            else:
                profile = await view.run(profiles.find, user_id)
                zone = "" if profile is None else profile.time_zone
                day = days.number_of(days.today(self._clock_ms(), zone))
            held = await view.run(physiology.held_on, user_id, day, request.sport)
        values = [physiology_message(each.quantity, each.sport, each.from_day, each.value) for each in held]
        return wire.GetPhysiologyResponse(values=values)

    async def ListPhysiology(
        self, request: wire.ListPhysiologyRequest, context: _Context
    ) -> wire.ListPhysiologyResponse:
        """A page of the history."""
        user_id = current_call().principal.user_id
        quantities = sorted({int(quantity) for quantity in request.quantities if quantity})
        scope = ("physiology", user_id, repr(quantities))
        after = page_tokens.read(request.page_token, *scope, integers=3)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            rows = await view.run(store.page, user_id, quantities, after, size + 1)
        response = wire.ListPhysiologyResponse(
            values=[
                physiology_message(row.quantity, row.sport, row.from_day, row.value) for row in rows[:size]
            ]
        )
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = page_tokens.write((last.from_day, last.quantity, last.sport), *scope)
        return response

    async def SetPhysiology(
        self, request: wire.SetPhysiologyRequest, context: _Context
    ) -> wire.SetPhysiologyResponse:
        """Say what holds from a day on."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            told = await transaction.run(physiology.tell, user_id, request.values, self._clock_ms())
        return wire.SetPhysiologyResponse(values=told)

    async def DeletePhysiology(
        self, request: wire.DeletePhysiologyRequest, context: _Context
    ) -> wire.DeletePhysiologyResponse:
        """Take back what was said of a day."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(physiology.take_back, user_id, request, self._clock_ms())
        return wire.DeletePhysiologyResponse(deleted=deleted)
