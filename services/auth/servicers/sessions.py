"""SessionService: signing in with the platform's own apps, and the sessions that come of it."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import session_service_pb2 as wire
from pulsemesh.auth.v1 import session_service_pb2_grpc as stubs
from services.auth.accounts.signing_in_by_password import SigningInByPassword
from services.auth.keeping_sessions import KeepingSessions
from services.auth.tokens import TokenIssuer
from services.auth.wire import session_message, sign_in_result_message, tokens_message
from services.chassis.call import current_call

_Context = grpc.aio.ServicerContext[object, object]


class SessionServicer(stubs.SessionServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, signing_in: SigningInByPassword, keeping: KeepingSessions, issuer: TokenIssuer
    ) -> None:
        self._signing_in = signing_in
        self._keeping = keeping
        self._issuer = issuer

    async def SignIn(self, request: wire.SignInRequest, context: _Context) -> wire.SignInResponse:
        result = await self._signing_in.sign_in(request)
        return wire.SignInResponse(result=sign_in_result_message(result, self._issuer))

    async def Refresh(self, request: wire.RefreshRequest, context: _Context) -> wire.RefreshResponse:
        opened, roles = await self._keeping.refresh(request.refresh_token)
        return wire.RefreshResponse(tokens=tokens_message(opened, self._issuer, roles))

    async def SignOut(self, request: wire.SignOutRequest, context: _Context) -> wire.SignOutResponse:
        await self._keeping.sign_out(request.refresh_token)
        return wire.SignOutResponse()

    async def ListSessions(
        self, request: wire.ListSessionsRequest, context: _Context
    ) -> wire.ListSessionsResponse:
        current = current_call().principal.session_id
        found = await self._keeping.list_of_caller()
        return wire.ListSessionsResponse(sessions=[session_message(each, current) for each in found])

    async def EndSession(self, request: wire.EndSessionRequest, context: _Context) -> wire.EndSessionResponse:
        return wire.EndSessionResponse(ended=await self._keeping.end(request.session_id))

    async def EndAllSessions(
        self, request: wire.EndAllSessionsRequest, context: _Context
    ) -> wire.EndAllSessionsResponse:
        ended = await self._keeping.end_all(keep_current=request.keep_current)
        return wire.EndAllSessionsResponse(ended=ended)
