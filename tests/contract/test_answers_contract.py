"""Cached answers over both caches: kept apart by audience, ended by events, made once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Access, CacheScope
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from services.chassis.auth.principal import Principal
from services.chassis.cache import Cache, InProcessCache
from services.chassis.cache.redis import RedisCache
from services.chassis.call import Call
from services.chassis.pipeline.caching import AnswerInvalidation, MethodCache
from services.chassis.policy import CachePolicy, MethodInfo, default_registry
from tests.fixtures.waiting import eventually

UPDATED = "pulsemesh.workout.v1.WorkoutUpdated"
REQUEST = messages.GetWorkoutRequest(workout_id="01J00000000000000000000000")


@pytest.fixture(params=["in-process", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    opened: Cache
    if request.param == "redis":
        opened = RedisCache(request.getfixturevalue("redis_url"), max_value_bytes=1000)
    else:
        opened = InProcessCache(max_value_bytes=1000)
    yield opened
    await opened.close()


def policy(*, everyone: bool = False, lifetime_s: float = 60.0) -> CachePolicy:
    scope = CacheScope.CACHE_SCOPE_EVERYONE if everyone else CacheScope.CACHE_SCOPE_CALLER
    return CachePolicy(lifetime_s, scope, frozenset({UPDATED}))


def method(cached: CachePolicy) -> MethodInfo:
    found = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
    assert found.policy is not None
    return replace(found, policy=replace(found.policy, cache=cached))


class Service:
    """Answers with the number of the call."""

    def __init__(self, cache: Cache, cached: CachePolicy, cell: str = "eu") -> None:
        self.method = method(cached)
        self.calls = 0
        self.answers = MethodCache(self.method, cached, cache, cell=cell)
        self.invalidation = AnswerInvalidation([self.method], cache)
        self.hold = asyncio.Event()
        self.hold.set()
        self.failing = False

    async def _handle(self, _request: Any) -> Any:
        self.calls += 1
        number = self.calls
        await self.hold.wait()
        if self.failing:
            raise LookupError("there is none")
        answer = messages.GetWorkoutResponse()
        answer.workout.title = str(number)
        return answer

    async def ask(self, user: str = "eu_a", request: Any = REQUEST, **principal: Any) -> str:
        caller = Principal(user_id=user, kind=principal.pop("kind", Access.ACCESS_USER), **principal)
        call = Call(self.method, principal=caller)
        answer: Any = await self.answers.answer(call, request, self._handle)
        return str(answer.workout.title)

    async def tell(self, subject: str, kind: str = UPDATED) -> None:
        await self.invalidation.handle([Envelope(type=kind, subject=subject)])


async def test_an_answer_is_given_again(cache: Cache) -> None:
    service = Service(cache, policy())
    assert [await service.ask(), await service.ask()] == ["1", "1"]


async def test_callers_do_not_share_answers_that_are_theirs(cache: Cache) -> None:
    service = Service(cache, policy())
    found = [
        await service.ask("eu_a"),
        await service.ask("eu_b"),
        await service.ask("eu_a", scopes=frozenset({"workout.read"})),
        await service.ask("eu_a", client_id="app"),
        await service.ask("eu_a", kind=Access.ACCESS_DEVICE),
        await service.ask("eu_a", request=messages.GetWorkoutRequest(workout_id="other")),
    ]
    assert found == ["1", "2", "3", "4", "5", "6"]


async def test_everyone_shares_what_is_everyones_and_no_cell_that_of_another(cache: Cache) -> None:
    eu, us = Service(cache, policy(everyone=True)), Service(cache, policy(everyone=True), cell="us")
    assert [await eu.ask("eu_a"), await eu.ask("eu_b")] == ["1", "1"]
    await us.ask("us_a")
    assert us.calls == 1


async def test_an_event_ends_the_answers_of_the_person_it_is_about(cache: Cache) -> None:
    service = Service(cache, policy())
    assert [await service.ask("eu_a"), await service.ask("eu_b")] == ["1", "2"]
    await service.tell("eu_a")
    assert [await service.ask("eu_a"), await service.ask("eu_b")] == ["3", "2"]


async def test_an_event_ends_the_answers_that_everyone_shares(cache: Cache) -> None:
    service = Service(cache, policy(everyone=True))
    assert await service.ask("eu_a") == "1"
    await service.tell("eu_b")
    assert await service.ask("eu_a") == "2"


async def test_an_event_of_another_kind_ends_nothing(cache: Cache) -> None:
    service = Service(cache, policy())
    await service.ask()
    await service.tell("eu_a", "pulsemesh.workout.v1.WorkoutDeleted")
    assert await service.ask() == "1"


async def test_an_answer_that_was_begun_before_an_event_is_not_kept_beyond_it(cache: Cache) -> None:
    service = Service(cache, policy())
    service.hold.clear()
    asked = asyncio.create_task(service.ask())

    async def begun() -> bool:
        return service.calls == 1

    await eventually(begun)
    await service.tell("eu_a")
    service.hold.set()
    assert await asked == "1"
    assert await service.ask() == "2"


async def test_many_who_ask_at_once_are_answered_by_one_call(cache: Cache) -> None:
    service = Service(cache, policy())
    service.hold.clear()
    asked = [asyncio.create_task(service.ask()) for _ in range(20)]

    async def begun() -> bool:
        return service.calls == 1

    await eventually(begun)
    service.hold.set()
    assert set(await asyncio.gather(*asked)) == {"1"}
    assert service.calls == 1


async def test_who_waits_for_a_caller_that_gives_up_asks_himself(cache: Cache) -> None:
    service = Service(cache, policy())
    service.hold.clear()
    first = asyncio.create_task(service.ask())

    async def begun() -> bool:
        return service.calls == 1

    await eventually(begun)
    second = asyncio.create_task(service.ask())
    await asyncio.sleep(0.05)
    first.cancel()
    service.hold.set()
    assert await second == "2"


async def test_a_failure_is_never_kept(cache: Cache) -> None:
    service = Service(cache, policy())
    service.failing = True
    for _ in range(2):
        with pytest.raises(LookupError):
            await service.ask()
    service.failing = False
    assert await service.ask() == "3"


async def test_an_answer_beyond_the_bound_is_not_kept(cache: Cache) -> None:
    service = Service(cache, policy())

    async def large(_request: Any) -> Any:
        service.calls += 1
        answer = messages.GetWorkoutResponse()
        answer.workout.title = "x" * 2_000
        return answer

    call = Call(service.method, principal=Principal("eu_a", Access.ACCESS_USER))
    for _ in range(2):
        await service.answers.answer(call, REQUEST, large)
    assert service.calls == 2


class Broken:
    """A cache whose server is away, by an adapter that does not hide it."""

    async def get(self, key: str) -> bytes | None:
        raise ConnectionError(key)

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        raise ConnectionError(key)

    async def delete(self, *keys: str) -> None:
        raise ConnectionError(str(keys))

    async def close(self) -> None:
        return


async def test_a_cache_that_is_away_costs_nothing_but_calls() -> None:
    service = Service(Broken(), policy())
    assert [await service.ask(), await service.ask()] == ["1", "2"]


@given(st.lists(st.tuples(st.sampled_from(["ask", "tell"]), st.sampled_from(["eu_a", "eu_b"])), max_size=30))
def test_nobody_ever_gets_an_answer_from_before_an_event_about_him(steps: list[tuple[str, str]]) -> None:
    async def run() -> None:
        service = Service(InProcessCache(), policy())
        oldest = {"eu_a": 0, "eu_b": 0}
        for what, user in steps:
            if what == "tell":
                await service.tell(user)
                oldest[user] = service.calls
            else:
                assert int(await service.ask(user)) > oldest[user]

    asyncio.run(run())
