"""How often a method may be called, and what happens when the counters are away."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from pulsemesh.policy.v1.policy_pb2 import LimitFailure
from services.chassis.limits import Decision
from services.chassis.pipeline.limiting import Pacer, address_of
from services.chassis.policy import default_registry
from tests.fixtures.workout_servicers import (
    USER_ID,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    GET,
    MethodUnderTest,
    answer,
    reason_of,
)


class FixedLimiter:
    """A limiter that says what it is told, or fails."""

    def __init__(self, wait_s: float = 0.0, error: Exception | None = None) -> None:
        self.keys: list[str] = []
        self._wait_s = wait_s
        self._error = error

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        self.keys.append(key)
        if self._error is not None:
            raise self._error
        return Decision(self._wait_s == 0.0, self._wait_s)

    async def close(self) -> None:
        pass


async def test_a_call_over_the_limit_is_told_when_to_come_back() -> None:
    error = await error_of(MethodUnderTest(answer, ports(limiter=FixedLimiter(wait_s=1.5)))())
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert status.details[1].Unpack(retry)
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    assert retry.retry_delay.ToMilliseconds() == 1500


async def test_callers_are_counted_by_method_and_identity() -> None:
    limiter = FixedLimiter()
    await MethodUnderTest(answer, ports(limiter=limiter))()
    assert limiter.keys == [f"{GET}|{USER_ID}"]


@pytest.mark.parametrize(
    ("on_failure", "code"),
    [
        (LimitFailure.LIMIT_FAILURE_OPEN, grpc.StatusCode.OK),
        (LimitFailure.LIMIT_FAILURE_CLOSED, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_limiter_that_fails_opens_or_closes_as_the_policy_says(on_failure: Any, code: Any) -> None:
    policy = default_registry().method(GET).policy
    assert policy is not None
    assert policy.rate_limit is not None
    limit = dataclasses.replace(policy.rate_limit, on_failure=on_failure)
    method = MethodUnderTest(
        answer, ports(limiter=FixedLimiter(error=ConnectionError("gone"))), rate_limit=limit
    )
    assert await method().code() is code


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:5000", "ipv4:10.0.0.1"),
        ("ipv6:[::1]:5000", "ipv6:[::1]"),
        ("unix:/run/x", "unix:/run/x"),
        ("inprocess:", "inprocess:"),
    ],
)
def test_callers_without_identity_are_counted_by_address(peer: str, address: str) -> None:
    assert address_of(peer) == address


async def test_a_pacer_lets_a_second_worth_pass_at_once_and_holds_the_next() -> None:
    pacer = Pacer(50)
    for _ in range(50):
        await asyncio.wait_for(pacer.next(), 1)
    waiting = asyncio.ensure_future(pacer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    await waiting
