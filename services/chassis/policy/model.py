"""The policy of a method as frozen values, cheap to read on every call."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope, LimitFailure, Purpose, RateLimitKey, Retry


@dataclass(frozen=True, slots=True)
class RateLimitPolicy:
    """A token bucket: `calls` tokens per `period_s` seconds, at most `burst` saved up."""

    calls: int
    period_s: float
    burst: int
    key: RateLimitKey.ValueType
    on_failure: LimitFailure.ValueType
    messages_per_second: int
    shared: bool = False
    """The gateway counts over all its processes, not each for itself."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long an answer may be given again, and to whom."""

    time_to_live_s: float
    scope: CacheScope.ValueType
    invalidated_by: frozenset[str] = frozenset()
    """Full names of the events after which answers are forgotten at once."""


@dataclass(frozen=True, slots=True)
class MethodPolicy:
    """`pulsemesh.policy.v1.MethodPolicy`, durations in seconds, None where the contract is silent."""

    access: frozenset[Access.ValueType]
    scopes: frozenset[str]
    staff_roles: frozenset[str]
    rate_limit: RateLimitPolicy | None
    cache: CachePolicy | None
    deadline_s: float | None
    retry: Retry.ValueType
    consents: frozenset[Purpose.ValueType]
    audit_action: str | None
    validated_by_handler: bool


@dataclass(frozen=True, slots=True)
class MethodInfo:
    """One method of the contracts.

    Attributes:
        path: as gRPC writes it, "/pulsemesh.workout.v1.WorkoutService/GetWorkout".
        service: the full name of the service.
        name: of the method.
        reads_only: it declares `idempotency_level = NO_SIDE_EFFECTS`.
        policy: None when the method declares none, with which a server refuses to start.
    """

    path: str
    service: str
    name: str
    client_streaming: bool
    server_streaming: bool
    reads_only: bool
    request_class: type[Message]
    response_class: type[Message]
    policy: MethodPolicy | None

    @property
    def streaming(self) -> bool:
        """True when either side sends more than one message."""
        return self.client_streaming or self.server_streaming

    @property
    def domain(self) -> str:
        """The domain that owns the method: "workout" of "pulsemesh.workout.v1.WorkoutService"."""
        return domain_of(self.service)


def domain_of(service: str) -> str:
    """The domain of a service's full name: the part after "pulsemesh", or the first part elsewhere."""
    parts = service.split(".")
    return parts[1] if parts[0] == "pulsemesh" and len(parts) > 2 else parts[0]
