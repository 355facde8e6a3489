"""Answers that are given again."""

from __future__ import annotations

import grpc
import pytest

from pulsemesh.policy.v1.policy_pb2 import CacheScope
from services.chassis.policy import CachePolicy
from tests.fixtures.workout_servicers import (
    MISSING_ID,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    Counting,
    MethodUnderTest,
    bearer,
    get,
)

CALLER_CACHE = CachePolicy(60.0, CacheScope.CACHE_SCOPE_CALLER)
SHARED_CACHE = CachePolicy(60.0, CacheScope.CACHE_SCOPE_EVERYONE)


class DictCache:
    """Bytes in a dictionary."""

    def __init__(self, error: Exception | None = None) -> None:
        self.values: dict[str, bytes] = {}
        self._error = error

    async def get(self, key: str) -> bytes | None:
        if self._error is not None:
            raise self._error
        return self.values.get(key)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        if self._error is not None:
            raise self._error
        self.values[key] = value


async def test_an_answer_is_given_again_without_asking_the_handler() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=CALLER_CACHE)
    assert await method() == await method()
    assert counting.calls == 1


async def test_another_request_is_another_answer() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=CALLER_CACHE)
    await method()
    await method(request=get(MISSING_ID))
    assert counting.calls == 2


@pytest.mark.parametrize(("policy", "calls"), [(CALLER_CACHE, 2), (SHARED_CACHE, 1)])
async def test_answers_are_shared_as_the_policy_says(policy: CachePolicy, calls: int) -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=policy)
    await method(metadata=bearer("person"))
    await method(metadata=bearer("device"))
    assert counting.calls == calls


async def test_a_cached_answer_is_still_refused_to_those_who_may_not() -> None:
    counting = Counting()
    method = MethodUnderTest(counting.handler(), ports(cache=DictCache()), cache=SHARED_CACHE)
    await method()
    error = await error_of(method(metadata=()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_cache_that_fails_costs_only_the_handlers_time() -> None:
    counting = Counting()
    method = MethodUnderTest(
        counting.handler(), ports(cache=DictCache(ConnectionError("gone"))), cache=CALLER_CACHE
    )
    await method()
    await method()
    assert counting.calls == 2
