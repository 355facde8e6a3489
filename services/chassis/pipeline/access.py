"""Stages that ask who calls and whether that caller may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth.port import VerifiedTokens
from services.chassis.auth.principal import cell_of
from services.chassis.call import Call
from services.chassis.consent import ConsentGate, consent_unavailable
from services.chassis.errors import AccessDenied, PlatformError, Unauthenticated, WrongCell
from services.chassis.inprocess.handing import HandedPrincipal
from services.chassis.pipeline.peers import ServiceProof
from services.chassis.pipeline.ports import PipelinePorts
from services.chassis.policy.model import MethodInfo, MethodPolicy

Stage = Callable[[Call], Awaitable[None]]
"""Returns when the call may go on, raises a `PlatformError` when not."""

_log = structlog.get_logger(__name__)

_BEARER = "bearer "


def authentication(method: MethodInfo, policy: MethodPolicy, ports: PipelinePorts) -> Stage | None:
    """Find the principal. A method for everyone and nobody else looks at no credentials."""
    authenticator = ports.authenticator
    proof = ServiceProof(ports)
    public = Access.ACCESS_PUBLIC in policy.access
    if public and len(policy.access) == 1:
        return None
    verified = authenticator if isinstance(authenticator, VerifiedTokens) else VerifiedTokens(authenticator)
    authenticate = verified.authenticate
    require_current = ports.revocations.require_current
    domain = method.domain

    async def stage(call: Call) -> None:
        metadata = call.metadata
        header = metadata.get("authorization")
        if not header:
            if public:
                return
            raise Unauthenticated("an access token is needed", ErrorReason.ERROR_REASON_CREDENTIALS_MISSING)
        if isinstance(header, HandedPrincipal):
            call.principal = header.principal
            return
        if not isinstance(header, str) or header[:7].lower() != _BEARER:
            raise Unauthenticated("the authorization must be: Bearer <access token>")
        principal = await authenticate(header[7:])
        require_current(principal)
        if principal.audience and principal.audience != domain:
            raise Unauthenticated("the access token is for another service")
        if principal.kind == Access.ACCESS_SERVICE:
            principal = proof.principal(principal, call)
        call.principal = principal

    return stage


def admitted_kinds(policy: MethodPolicy) -> frozenset[Access.ValueType]:
    """The kinds of principal that a policy lets in; an owner is a signed-in person."""
    owner = {Access.ACCESS_USER} if Access.ACCESS_OWNER in policy.access else set()
    return frozenset((policy.access - {Access.ACCESS_OWNER}) | owner)


def authorisation(policy: MethodPolicy, cell: str) -> Stage | None:
    """Kind of caller, cell, scopes, roles."""
    if policy.access == {Access.ACCESS_PUBLIC}:
        return None
    kinds = admitted_kinds(policy)
    scopes = policy.scopes
    roles = policy.staff_roles
    cell_prefix = f"{cell}_"

    async def stage(call: Call) -> None:
        principal = call.principal
        if principal.kind not in kinds:
            raise AccessDenied(f"callers of this kind may not call {call.method.name}")
        user_id = principal.user_id
        if user_id and not user_id.startswith(cell_prefix):
            raise WrongCell(cell_of(user_id), cell)
        if not scopes <= principal.scopes:
            raise _scope_missing(scopes - principal.scopes)
        if roles and principal.kind == Access.ACCESS_STAFF and not roles & principal.roles:
            raise AccessDenied("the caller holds none of the roles that may do this")

    return stage


def _scope_missing(missing: frozenset[str]) -> AccessDenied:
    names = " ".join(sorted(missing))
    return AccessDenied(
        f"the access token lacks: {names}",
        ErrorReason.ERROR_REASON_SCOPE_MISSING,
        metadata={"scopes": names},
    )


def consent(policy: MethodPolicy, gate: ConsentGate) -> Stage | None:
    """The person whose data is used allows every purpose; a gate that fails has not said yes."""
    if not policy.consents:
        return None
    purposes = policy.consents

    async def stage(call: Call) -> None:
        user_id = call.principal.user_id
        if not user_id:
            raise AccessDenied("this method uses a person's data: say on whose behalf it is called")
        try:
            await gate.check(user_id, purposes)
        except PlatformError:
            raise
        except Exception as error:
            _log.exception("consent_gate_failed")
            raise consent_unavailable() from error

    return stage
