"""What a caller must be answered, derived from the contract alone.

This is written down a second time on purpose: it reads the policy from the descriptor itself and shares no
code with the pipeline, so that a mistake there does not repeat itself here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import grpc
from google.protobuf.descriptor import MethodDescriptor

from pulsemesh.policy.v1 import policy_pb2

PUBLIC, USER, OWNER = policy_pb2.ACCESS_PUBLIC, policy_pb2.ACCESS_USER, policy_pb2.ACCESS_OWNER
DEVICE, SERVICE, STAFF = policy_pb2.ACCESS_DEVICE, policy_pb2.ACCESS_SERVICE, policy_pb2.ACCESS_STAFF

REFUSALS = frozenset(
    {
        "ACCESS_DENIED",
        "CREDENTIALS_EXPIRED",
        "CREDENTIALS_INVALID",
        "CREDENTIALS_MISSING",
        "DELEGATION_NEEDED",
        "PEER_NOT_CERTIFIED",
        "SCOPE_MISSING",
        "SESSION_ENDED",
        "WRONG_CELL",
    }
)
"""Every reason with which a caller is turned away before a method looks at the request."""


@dataclass(frozen=True)
class Caller:
    """What is known of a caller that was made for the matrix.

    Attributes:
        kind: as whom the credentials, if they were good, would let it in.
        fault: what is wrong with the credentials: the reason of the refusal; empty for good ones.
        domain: the only domain at which they hold; empty for all.
        cell: where the person lives; empty for callers that act for nobody.
        named: it names a person in a header.
        at_the_door: the reason by which the gateway turns it away, where that is another one.
    """

    kind: int = PUBLIC
    fault: str = ""
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    cell: str = "eu"
    domain: str = ""
    named: bool = False
    at_the_door: str = ""

    def with_scopes(self, *scopes: str) -> Caller:
        """The same with other scopes."""
        return replace(self, scopes=frozenset(scopes))


@dataclass(frozen=True)
class Expected:
    """The answer: admitted, or turned away with a status and a reason."""

    admitted: bool
    code: grpc.StatusCode | None = None
    reason: str = ""


ADMITTED = Expected(admitted=True)


def _unauthenticated(reason: str) -> Expected:
    return Expected(False, grpc.StatusCode.UNAUTHENTICATED, reason)


def _denied(reason: str) -> Expected:
    return Expected(False, grpc.StatusCode.PERMISSION_DENIED, reason)


def expected(method: MethodDescriptor, caller: Caller) -> Expected:
    """What the contract promises that caller."""
    policy = method.GetOptions().Extensions[policy_pb2.method]
    access = set(policy.access)
    if access == {PUBLIC}:
        return ADMITTED
    if caller.kind == PUBLIC and not caller.fault:
        return ADMITTED if PUBLIC in access else _unauthenticated("CREDENTIALS_MISSING")
    if caller.fault:
        return _unauthenticated(caller.fault)
    if caller.domain and caller.domain != method.full_name.split(".")[1]:
        return _unauthenticated("CREDENTIALS_INVALID")
    if caller.named and caller.kind == SERVICE:
        return _denied("DELEGATION_NEEDED")
    return _permitted(policy, access, caller)


def _permitted(
    policy: policy_pb2.MethodPolicy, access: set[policy_pb2.Access.ValueType], caller: Caller
) -> Expected:
    kinds = access | ({USER} if OWNER in access else set())
    if caller.kind not in kinds:
        return _denied("ACCESS_DENIED")
    if caller.cell not in {"", "eu"}:
        return Expected(False, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_CELL")
    if not set(policy.scopes) <= caller.scopes:
        return _denied("SCOPE_MISSING")
    if caller.kind == STAFF and not set(policy.staff_roles) & caller.roles:
        return _denied("ACCESS_DENIED")
    return ADMITTED


def expected_at_the_gateway(method: MethodDescriptor, caller: Caller) -> Expected:
    """What the contract promises a caller from outside, where services have no way in.

    The gateway asks in another order: what it can see of a token comes first, the service's answer last.
    """
    policy = method.GetOptions().Extensions[policy_pb2.method]
    access = set(policy.access)
    if access == {SERVICE}:
        return Expected(False, grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
    if access == {PUBLIC}:
        return ADMITTED
    if caller.at_the_door == "ACCESS_DENIED" or (caller.kind == SERVICE and not caller.fault):
        return _denied("ACCESS_DENIED")
    if PUBLIC in access:
        return expected(method, caller)
    if caller.at_the_door == "CREDENTIALS_MISSING":
        return _unauthenticated("CREDENTIALS_MISSING")
    if caller.at_the_door == "UNKNOWN_KIND":
        return _denied("ACCESS_DENIED")
    kinds = access | ({USER} if OWNER in access else set())
    if not caller.fault or caller.fault == "SESSION_ENDED":
        if caller.cell not in {"", "eu"}:
            return Expected(False, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_CELL")
        if caller.kind != PUBLIC and caller.kind not in kinds:
            return _denied("ACCESS_DENIED")
    return expected(method, caller)
