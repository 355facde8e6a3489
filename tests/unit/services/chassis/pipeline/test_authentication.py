"""Who calls: tokens and those who have none."""

from __future__ import annotations

import dataclasses
from typing import Any

import grpc

from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.workout.v1 import (
    workout_service_pb2,
)
from services.chassis.auth import VerifiedTokens
from services.chassis.call import current_call
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    USER_ID,
    FixedTokens,
    Servicers,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    MethodUnderTest,
    answer,
    bearer,
    get,
    reason_of,
    stub_of,
)


async def test_credentials_must_be_a_bearer_token() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=(("authorization", "Basic x"),)))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_a_wrong_token_is_refused() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("nobody")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_a_token_is_verified_once_for_many_calls() -> None:
    tokens = FixedTokens()
    stub = stub_of(Servicers(authenticator=tokens))
    for _ in range(5):
        await stub.GetWorkout(get(), metadata=AUTHORISED)
    assert tokens.asked == 1


async def test_a_verified_token_is_verified_again_after_it_expired() -> None:
    now = 1_000.0
    tokens = FixedTokens()
    expiring = VerifiedTokens(_Expiring(tokens, 1_010.0), clock_s=lambda: now)
    await expiring.authenticate("person")
    now = 1_020.0
    await expiring.authenticate("person")
    assert tokens.asked == 2


class _Expiring:
    def __init__(self, inner: FixedTokens, expires_at_s: float) -> None:
        self._inner = inner
        self._expires_at_s = expires_at_s

    async def authenticate(self, token: str) -> Any:
        return dataclasses.replace(await self._inner.authenticate(token), expires_at_s=self._expires_at_s)


async def test_no_more_tokens_are_remembered_than_fit() -> None:
    tokens = FixedTokens()
    remembering = VerifiedTokens(tokens, capacity=1)
    for token in ("person", "device", "person"):
        await remembering.authenticate(token)
    assert tokens.asked == 3


async def test_a_public_method_needs_no_credentials_and_reads_none() -> None:
    tokens = FixedTokens()
    method = MethodUnderTest(
        answer,
        ports(authenticator=tokens),
        access=frozenset({Access.ACCESS_PUBLIC}),
        scopes=frozenset(),
    )
    await method(metadata=bearer("nobody"))
    assert tokens.asked == 0


async def test_a_method_for_all_knows_those_who_say_who_they_are() -> None:
    async def who(_request: Any, _context: Any) -> Any:
        response = workout_service_pb2.GetWorkoutResponse()
        response.workout.title = current_call().principal.user_id
        return response

    method = MethodUnderTest(
        who,
        ports(),
        access=frozenset({Access.ACCESS_PUBLIC, Access.ACCESS_USER}),
        scopes=frozenset(),
    )
    assert (await method()).workout.title == USER_ID
    assert (await method(metadata=())).workout.title == ""
