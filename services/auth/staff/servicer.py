"""StaffService: who works on the platform, and as what."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import re
from collections.abc import Callable

import grpc

from pulsemesh.auth.v1 import staff_pb2
from pulsemesh.auth.v1 import staff_service_pb2 as wire
from pulsemesh.auth.v1 import staff_service_pb2_grpc as stubs
from services.auth.staff import granting, store
from services.auth.staff.roles import ROLE_NAMES, ROLES
from services.auth.staff.stepping_up import require_step_up
from services.auth.staff.store import Grant
from services.chassis.call import current_call
from services.chassis.database import Database
from services.chassis.errors import PageTokenInvalid

PAGE_SIZE = 100
_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")

_Context = grpc.aio.ServicerContext[object, object]


class StaffServicer(stubs.StaffServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def GrantRole(self, request: wire.GrantRoleRequest, context: _Context) -> wire.GrantRoleResponse:
        call, now_ms, role = current_call(), self._clock_ms(), ROLE_NAMES[request.role]
        call.note(person=request.user_id, role=role, reason=request.reason)
        require_step_up(call.principal, now_ms)
        async with self._database.write() as transaction:
            grant = await transaction.run(
                lambda conn: granting.grant(
                    conn,
                    request_id=request.request_id,
                    user_id=request.user_id,
                    role=role,
                    by=call.principal.user_id,
                    reason=request.reason,
                    now_ms=now_ms,
                )
            )
        return wire.GrantRoleResponse(grant=grant_message(grant))

    async def RevokeRole(self, request: wire.RevokeRoleRequest, context: _Context) -> wire.RevokeRoleResponse:
        call, now_ms, role = current_call(), self._clock_ms(), ROLE_NAMES[request.role]
        call.note(person=request.user_id, role=role, reason=request.reason)
        require_step_up(call.principal, now_ms)
        async with self._database.write() as transaction:
            revoked = await transaction.run(
                lambda conn: granting.revoke(
                    conn,
                    user_id=request.user_id,
                    role=role,
                    by=call.principal.user_id,
                    reason=request.reason,
                    now_ms=now_ms,
                )
            )
        return wire.RevokeRoleResponse(revoked=revoked)

    async def TakeRole(self, request: wire.TakeRoleRequest, context: _Context) -> wire.TakeRoleResponse:
        call, now_ms, role = current_call(), self._clock_ms(), ROLE_NAMES[request.role]
        call.note(role=role, reason=request.reason, seconds=str(request.time_to_live.seconds))
        require_step_up(call.principal, now_ms)
        async with self._database.write() as transaction:
            grant = await transaction.run(
                lambda conn: granting.take(
                    conn,
                    request_id=request.request_id,
                    user_id=call.principal.user_id,
                    role=role,
                    reason=request.reason,
                    lasts_ms=request.time_to_live.ToMilliseconds(),
                    now_ms=now_ms,
                )
            )
        return wire.TakeRoleResponse(grant=grant_message(grant))

    async def ListStaff(self, request: wire.ListStaffRequest, context: _Context) -> wire.ListStaffResponse:
        if request.page_token and not _ULID.fullmatch(request.page_token):
            raise PageTokenInvalid
        size = request.page_size or PAGE_SIZE
        async with self._database.read() as view:
            grants = await view.run(
                lambda conn: store.page(
                    conn, self._clock_ms(), before=request.page_token, size=size + 1, ended=request.ended
                )
            )
        following = grants[size - 1].grant_id if len(grants) > size else ""
        return wire.ListStaffResponse(
            grants=[grant_message(grant) for grant in grants[:size]], next_page_token=following
        )

    async def ListRoles(self, request: wire.ListRolesRequest, context: _Context) -> wire.ListRolesResponse:
        texts = [
            staff_pb2.StaffRoleText(
                role=role.number,
                name=role.name,
                text=role.text(request.language),
                for_emergencies=role.for_emergencies,
            )
            for role in ROLES.values()
        ]
        return wire.ListRolesResponse(roles=texts)


def grant_message(grant: Grant) -> staff_pb2.StaffGrant:
    """A grant as the contract has it."""
    message = staff_pb2.StaffGrant(
        grant_id=grant.grant_id,
        user_id=grant.user_id,
        role=ROLES[grant.role].number,
        granted_by=grant.granted_by,
        reason=grant.reason,
        emergency=grant.emergency,
        ended_by=grant.ended_by or "",
    )
    message.granted_at.FromMilliseconds(grant.granted_ms)
    if grant.expires_ms is not None:
        message.expires_at.FromMilliseconds(grant.expires_ms)
    if grant.ended_ms is not None:
        message.ended_at.FromMilliseconds(grant.ended_ms)
    return message
