"""The policies of the contracts, and the holes that would keep a server from starting."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope, LimitFailure, Purpose, RateLimitKey, Retry
from services.chassis.policy import (
    CachePolicy,
    MethodInfo,
    MethodRegistry,
    PolicyHoles,
    check_policies,
    contract_services,
    default_registry,
    require_policies,
)
from services.chassis.policy.model import domain_of

SERVICES = contract_services()
METHODS = list(default_registry().methods(SERVICES))


def method(path: str) -> MethodInfo:
    return default_registry().method(path)


READ = method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
DELETE = method("/pulsemesh.workout.v1.WorkoutService/DeleteWorkout")
STREAM = method("/pulsemesh.workout.v1.IngestService/StreamSamples")


def problems(base: MethodInfo, **changes: Any) -> list[str]:
    """The holes of `base` with its policy changed."""
    assert base.policy is not None
    policy = dataclasses.replace(base.policy, **changes)
    return [hole.problem for hole in check_policies([dataclasses.replace(base, policy=policy)])]


def limited(base: MethodInfo, **changes: Any) -> dict[str, Any]:
    assert base.policy is not None
    assert base.policy.rate_limit is not None
    return {"rate_limit": dataclasses.replace(base.policy.rate_limit, **changes)}


def test_every_service_of_the_contracts_is_found() -> None:
    assert "pulsemesh.workout.v1.IngestService" in SERVICES
    assert "pulsemesh.auth.v1.DevelopmentIssuerService" in SERVICES


@pytest.mark.parametrize("info", METHODS, ids=lambda info: info.path)
def test_every_method_of_the_contracts_has_a_whole_policy(info: MethodInfo) -> None:
    assert check_policies([info]) == []


def test_services_of_one_domain_are_found_alone() -> None:
    found = contract_services("auth")
    assert "pulsemesh.auth.v1.DevelopmentIssuerService" in found
    assert all(name.startswith("pulsemesh.auth.") for name in found)


def test_what_the_contract_says_is_read() -> None:
    assert READ.policy is not None
    assert READ.policy.rate_limit is not None
    assert (READ.policy.deadline_s, READ.reads_only, READ.streaming) == (5.0, True, False)
    assert READ.policy.access == {Access.ACCESS_OWNER, Access.ACCESS_DEVICE}
    assert READ.policy.scopes == {"workout.read"}
    assert (READ.policy.rate_limit.calls, READ.policy.rate_limit.burst) == (1200, 1200)
    assert DELETE.policy is not None
    assert DELETE.policy.audit_action == "workout.delete"


def test_a_stream_that_stays_open_has_no_deadline() -> None:
    assert STREAM.policy is not None
    assert (STREAM.policy.deadline_s, STREAM.policy.validated_by_handler) == (None, True)


def test_a_domain_is_read_from_a_services_name() -> None:
    assert domain_of("pulsemesh.workout.v1.WorkoutService") == "workout"
    assert domain_of("grpc.health.v1.Health") == "grpc"


def test_an_unknown_service_is_named() -> None:
    with pytest.raises(LookupError, match="no imported contract declares the service"):
        MethodRegistry().service("pulsemesh.none.v1.NoService")


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(LookupError, match="has no method Nope"):
        method("/pulsemesh.workout.v1.WorkoutService/Nope")


def test_a_method_without_a_policy_is_a_hole() -> None:
    bare = dataclasses.replace(READ, policy=None)
    assert [hole.problem for hole in check_policies([bare])] == ["no policy"]


def test_every_hole_is_named_before_the_server_refuses() -> None:
    assert READ.policy is not None
    holey = dataclasses.replace(
        READ, policy=dataclasses.replace(READ.policy, deadline_s=None, retry=Retry.RETRY_UNSPECIFIED)
    )
    with pytest.raises(PolicyHoles) as caught:
        require_policies([holey, dataclasses.replace(DELETE, policy=None)])
    assert len(caught.value.holes) == 3
    assert "GetWorkout: a unary method without a deadline" in str(caught.value)


_CACHE = CachePolicy(5.0, CacheScope.CACHE_SCOPE_CALLER)


@pytest.mark.parametrize(
    ("base", "changes", "problem"),
    [
        (READ, {"access": frozenset()}, "no access"),
        (READ, {"access": frozenset({Access.ACCESS_UNSPECIFIED})}, "ACCESS_UNSPECIFIED"),
        (READ, {"access": frozenset({Access.ACCESS_PUBLIC})}, "public, yet"),
        (READ, {"scopes": frozenset({""})}, "an empty scope"),
        (READ, {"access": frozenset({Access.ACCESS_STAFF})}, "without staff_roles"),
        (READ, {"staff_roles": frozenset({"support"})}, "staff_roles without"),
        (READ, {"deadline_s": 0.0}, "not positive"),
        (READ, {"deadline_s": None}, "without a deadline"),
        (READ, {"retry": Retry.RETRY_UNSPECIFIED}, "no retry"),
        (READ, {"retry": Retry.RETRY_NEVER}, "RETRY_NEVER on a method without side effects"),
        (READ, {"retry": Retry.RETRY_BY_REQUEST_ID}, "no request_id"),
        (READ, {"rate_limit": None}, "no rate_limit"),
        (READ, limited(READ, calls=0), "no calls"),
        (READ, limited(READ, period_s=0.0), "without a period"),
        (READ, limited(READ, key=RateLimitKey.RATE_LIMIT_KEY_UNSPECIFIED), "without a key"),
        (READ, limited(READ, on_failure=LimitFailure.LIMIT_FAILURE_UNSPECIFIED), "without on_failure"),
        (READ, limited(READ, messages_per_second=5), "messages_per_second"),
        (DELETE, {"cache": _CACHE}, "may change something"),
        (STREAM, {"cache": _CACHE}, "a cache on a stream"),
        (READ, {"cache": CachePolicy(0.0, CacheScope.CACHE_SCOPE_CALLER)}, "time_to_live"),
        (READ, {"cache": CachePolicy(5.0, CacheScope.CACHE_SCOPE_UNSPECIFIED)}, "without a scope"),
        (
            READ,
            {
                "cache": CachePolicy(5.0, CacheScope.CACHE_SCOPE_EVERYONE),
                "consents": frozenset({Purpose.PURPOSE_HEALTH_DATA}),
            },
            "a cache for everyone",
        ),
        (READ, {"consents": frozenset({Purpose.PURPOSE_UNSPECIFIED})}, "PURPOSE_UNSPECIFIED"),
        (READ, {"audit_action": ""}, "without an action"),
        (READ, {"validated_by_handler": True}, "validated_by_handler"),
    ],
)
def test_a_hole_is_found(base: MethodInfo, changes: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in problems(base, **changes))


def test_a_cached_read_of_ones_own_is_no_hole() -> None:
    assert problems(READ, cache=_CACHE) == []
