"""RightsService: a copy of everything, erasure, restriction."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.consent.v1 import rights_service_pb2 as wire
from pulsemesh.consent.v1 import rights_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.errors import InvalidField
from services.consent.rights import requesting, store
from services.consent.rights.errors import RightsRequestUnfinished, SignInAgain
from services.consent.rights.messages import request_message, state_name

DEFAULT_PAGE = 50

FRESH_MINUTES = 15
"""How long ago the person may have signed in who has everything erased."""

_Context = grpc.aio.ServicerContext[object, object]


class RightsServicer(stubs.RightsServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, database: Database, gate: ConsentGate, clock_ms: Callable[[], int], erasure_grace_ms: int
    ) -> None:
        """
        Args:
            gate: this process' own: what it keeps of a person is forgotten before a change is answered.
            erasure_grace_ms: how long an erasure can be taken back.
        """
        self._database = database
        self._gate = gate
        self._clock_ms = clock_ms
        self._erasure_grace_ms = erasure_grace_ms

    async def RequestExport(
        self, request: wire.RequestExportRequest, context: _Context
    ) -> wire.RequestExportResponse:
        return wire.RequestExportResponse(rights_request=await self._ask(rights_pb2.RIGHTS_KIND_EXPORT, 0))

    async def RequestErasure(
        self, request: wire.RequestErasureRequest, context: _Context
    ) -> wire.RequestErasureResponse:
        if request.confirmation != current_call().principal.user_id:
            raise InvalidField("confirmation", "must be your own user id: everything will be gone")
        age_s = self._clock_ms() / 1000 - current_call().principal.authenticated_at_s
        if age_s > FRESH_MINUTES * 60:
            raise SignInAgain(FRESH_MINUTES)
        asked = await self._ask(rights_pb2.RIGHTS_KIND_ERASURE, self._erasure_grace_ms)
        return wire.RequestErasureResponse(rights_request=asked)

    async def _ask(self, kind: int, wait_ms: int) -> rights_pb2.RightsRequest:
        now_ms, user_id = self._clock_ms(), current_call().principal.user_id
        async with self._database.write() as transaction:
            row = await transaction.run(requesting.request, user_id, kind, now_ms, now_ms + wait_ms)
        return request_message(row)

    async def CancelRightsRequest(
        self, request: wire.CancelRightsRequestRequest, context: _Context
    ) -> wire.CancelRightsRequestResponse:
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            row = await transaction.run(
                requesting.cancel, user_id, request.rights_request_id, self._clock_ms()
            )
        return wire.CancelRightsRequestResponse(rights_request=request_message(row))

    async def ListRightsRequests(
        self, request: wire.ListRightsRequestsRequest, context: _Context
    ) -> wire.ListRightsRequestsResponse:
        user_id, size = current_call().principal.user_id, request.page_size or DEFAULT_PAGE
        scope = ("rights requests", user_id)
        position = page_tokens.read(request.page_token, *scope, integers=1)
        before = None if position is None else position[0]
        async with self._database.read() as view:
            rows = await view.run(store.of_person, user_id, before, size + 1)
            restricted_ms = await view.run(store.restricted_ms, user_id)
        response = wire.ListRightsRequestsResponse(
            rights_requests=[request_message(row) for row in rows[:size]],
            next_page_token=page_tokens.write((rows[size - 1].request_pk,), *scope)
            if len(rows) > size
            else "",
        )
        if restricted_ms is not None:
            response.restricted_at.FromMilliseconds(restricted_ms)
        return response

    async def GetErasureReport(
        self, request: wire.GetErasureReportRequest, context: _Context
    ) -> wire.GetErasureReportResponse:
        async with self._database.read() as view:
            row = await view.run(requesting.report, request.rights_request_id)
        return wire.GetErasureReportResponse(rights_request=request_message(row))

    async def DownloadExport(
        self, request: wire.DownloadExportRequest, context: _Context
    ) -> AsyncIterator[wire.DownloadExportResponse]:
        user_id, offset = current_call().principal.user_id, request.offset
        async with self._database.read() as view:
            row = await view.run(requesting.owned, user_id, request.rights_request_id)
        if row.kind != rights_pb2.RIGHTS_KIND_EXPORT or not row.size_bytes:
            raise RightsRequestUnfinished(state_name(row))
        while offset < row.size_bytes:
            async with self._database.read() as view:
                found = await view.run(store.piece_at, row.request_pk, offset)
            if found is None:
                raise RightsRequestUnfinished("expired")
            first_byte, content = found
            yield wire.DownloadExportResponse(content=content[offset - first_byte :])
            offset = first_byte + len(content)

    async def SetRestriction(
        self, request: wire.SetRestrictionRequest, context: _Context
    ) -> wire.SetRestrictionResponse:
        user_id, now_ms = current_call().principal.user_id, self._clock_ms()
        response = wire.SetRestrictionResponse()
        async with self._database.write() as transaction:
            transaction.after_commit(lambda: self._gate.forget(user_id))
            if not request.restricted:
                await transaction.run(store.lift, user_id)
                return response
            await transaction.run(store.restrict, user_id, now_ms)
            since_ms = await transaction.run(store.restricted_ms, user_id)
        response.restricted_at.FromMilliseconds(since_ms or now_ms)
        return response
