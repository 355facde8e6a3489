"""Finding the holes of policies, all of them at once: a server refuses to start with any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope, LimitFailure, Purpose, RateLimitKey, Retry
from services.chassis.policy.model import MethodInfo, MethodPolicy


@dataclass(frozen=True, slots=True)
class Hole:
    """One thing that a method's policy leaves open or contradicts."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class PolicyHoles(Exception):
    """Raised instead of serving methods whose policy has holes."""

    def __init__(self, holes: list[Hole]) -> None:
        super().__init__("methods with holes in their policy:\n" + "\n".join(f"  {hole}" for hole in holes))
        self.holes = holes


_Rule = Callable[[MethodInfo, MethodPolicy], Iterator[str]]


def _access(_method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if not policy.access:
        yield "no access: who may call?"
    if Access.ACCESS_UNSPECIFIED in policy.access:
        yield "access holds ACCESS_UNSPECIFIED"
    if Access.ACCESS_PUBLIC in policy.access and (policy.scopes or policy.staff_roles or policy.consents):
        yield "public, yet it asks for scopes, roles or consents that an anonymous caller cannot have"
    if "" in policy.scopes:
        yield "an empty scope"


def _staff(_method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    staff = Access.ACCESS_STAFF in policy.access
    if staff and not policy.staff_roles:
        yield "ACCESS_STAFF without staff_roles"
    if policy.staff_roles and not staff:
        yield "staff_roles without ACCESS_STAFF"


def _deadline(method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if policy.deadline_s is None:
        if not method.streaming:
            yield "a unary method without a deadline"
    elif policy.deadline_s <= 0:
        yield "a deadline that is not positive"


def _retry(method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if policy.retry == Retry.RETRY_UNSPECIFIED:
        yield "no retry: may a call be repeated?"
    if policy.retry == Retry.RETRY_BY_REQUEST_ID and (
        "request_id" not in method.request_class.DESCRIPTOR.fields_by_name
    ):
        yield "RETRY_BY_REQUEST_ID, but the request has no request_id"
    if policy.retry == Retry.RETRY_NEVER and method.reads_only:
        yield "RETRY_NEVER on a method without side effects"


def _rate_limit(method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    limit = policy.rate_limit
    if limit is None:
        yield "no rate_limit"
        return
    if limit.calls <= 0:
        yield "a rate_limit of no calls"
    if limit.period_s <= 0:
        yield "a rate_limit without a period"
    if limit.key == RateLimitKey.RATE_LIMIT_KEY_UNSPECIFIED:
        yield "a rate_limit without a key: whom does it count?"
    if limit.on_failure == LimitFailure.LIMIT_FAILURE_UNSPECIFIED:
        yield "a rate_limit without on_failure: open or closed?"
    if limit.messages_per_second and not method.client_streaming:
        yield "messages_per_second on a method whose client sends one message"


def _cache(method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    cache = policy.cache
    if cache is None:
        return
    if not method.reads_only:
        yield "a cache on a method that may change something (no idempotency_level = NO_SIDE_EFFECTS)"
    if method.streaming:
        yield "a cache on a stream"
    if cache.time_to_live_s <= 0:
        yield "a cache without a time_to_live"
    if cache.scope == CacheScope.CACHE_SCOPE_UNSPECIFIED:
        yield "a cache without a scope: who may share the answer?"
    if cache.scope == CacheScope.CACHE_SCOPE_EVERYONE and policy.consents:
        yield "a cache for everyone of answers that need a person's consent"


def _consents(_method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if Purpose.PURPOSE_UNSPECIFIED in policy.consents:
        yield "consents hold PURPOSE_UNSPECIFIED"


def _audit(_method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if policy.audit_action == "":
        yield "an audit without an action"


def _validation(method: MethodInfo, policy: MethodPolicy) -> Iterator[str]:
    if policy.validated_by_handler and not method.client_streaming:
        yield "validated_by_handler on a method whose client sends one message"


_RULES: tuple[_Rule, ...] = (
    _access,
    _staff,
    _deadline,
    _retry,
    _rate_limit,
    _cache,
    _consents,
    _audit,
    _validation,
)


def check_policies(methods: Iterable[MethodInfo]) -> list[Hole]:
    """Every hole of every method, in the order of the methods; empty when all is said."""
    holes: list[Hole] = []
    for method in methods:
        if method.policy is None:
            holes.append(Hole(method.path, "no policy"))
            continue
        for rule in _RULES:
            holes.extend(Hole(method.path, problem) for problem in rule(method, method.policy))
    return holes


def require_policies(methods: Iterable[MethodInfo]) -> None:
    """
    Raises:
        PolicyHoles: naming every hole.
    """
    holes = check_policies(methods)
    if holes:
        raise PolicyHoles(holes)
