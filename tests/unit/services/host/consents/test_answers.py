"""What the gate keeps: trusted only while the feed is heard, and never beyond a change."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.host.consents.answers import MAX_AGE_S, Answer, Answers

HEALTH = Purpose.PURPOSE_HEALTH_DATA
YES, NO = frozenset({HEALTH}), frozenset[Purpose.ValueType]()


class Service:
    """Answers what holds, after a while; counts how often it was asked."""

    def __init__(self) -> None:
        self.granted = YES
        self.asked = 0
        self.valid_s = MAX_AGE_S
        self.held: asyncio.Event | None = None
        self.fails = False
        self.begun = asyncio.Event()

    async def __call__(self, user_id: str) -> Answer:
        self.asked += 1
        self.begun.set()
        answer = Answer(self.granted, self.valid_s)
        if self.held is not None:
            await self.held.wait()
        if self.fails:
            raise OSError("away")
        return answer


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(service: Service, clock: Clock) -> Answers:
    kept = Answers(service, clock, max_people=3)
    kept.trust()
    return kept


async def test_an_answer_is_given_again(answers: Answers, service: Service) -> None:
    assert [await answers.get("a") for _ in range(3)] == [YES] * 3
    assert service.asked == 1


async def test_without_the_feed_every_question_is_asked(service: Service, clock: Clock) -> None:
    answers = Answers(service, clock)
    await answers.get("a")
    await answers.get("a")
    assert service.asked == 2


async def test_a_broken_feed_drops_everything(answers: Answers, service: Service) -> None:
    await answers.get("a")
    answers.distrust()
    assert answers.kept("a") is None
    await answers.get("a")
    await answers.get("a")
    assert service.asked == 3


async def test_what_was_asked_before_the_feed_was_heard_is_not_kept(service: Service, clock: Clock) -> None:
    answers = Answers(service, clock)
    service.held = asyncio.Event()
    waiting = asyncio.create_task(answers.get("a"))
    await service.begun.wait()
    answers.trust()
    service.held.set()
    assert await waiting == YES
    assert answers.kept("a") is None


async def test_an_answer_is_old_after_half_a_minute(answers: Answers, clock: Clock) -> None:
    await answers.get("a")
    clock.now_s = MAX_AGE_S - 0.01
    assert answers.kept("a") == YES
    clock.now_s = MAX_AGE_S
    assert answers.kept("a") is None


async def test_an_answer_that_expires_earlier_is_kept_no_longer(
    answers: Answers, service: Service, clock: Clock
) -> None:
    service.valid_s = 2.0
    await answers.get("a")
    clock.now_s = 2.0
    assert answers.kept("a") is None


async def test_many_who_wait_ask_once(answers: Answers, service: Service) -> None:
    service.held = asyncio.Event()
    waiting = [asyncio.create_task(answers.get("a")) for _ in range(20)]
    await asyncio.sleep(0)
    service.held.set()
    assert await asyncio.gather(*waiting) == [YES] * 20
    assert service.asked == 1


async def test_the_first_who_goes_away_does_not_fail_the_others(answers: Answers, service: Service) -> None:
    service.held = asyncio.Event()
    first = asyncio.create_task(answers.get("a"))
    await asyncio.sleep(0)
    second = asyncio.create_task(answers.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    service.held.set()
    assert await second == YES


async def test_a_failure_is_everybodys_and_is_not_kept(answers: Answers, service: Service) -> None:
    service.fails = True
    failed = await asyncio.gather(*(answers.get("a") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, OSError) for each in failed)
    service.fails = False
    assert await answers.get("a") == YES


async def test_a_question_under_way_is_not_joined_after_a_change(answers: Answers, service: Service) -> None:
    service.held = asyncio.Event()
    before = asyncio.create_task(answers.get("a"))
    await service.begun.wait()
    service.granted = NO
    answers.forget("a")
    after = asyncio.create_task(answers.get("a"))
    await asyncio.sleep(0)
    service.held.set()
    assert await after == NO
    await before
    assert await answers.get("a") == NO


async def test_those_asked_about_longest_ago_make_room(answers: Answers) -> None:
    for person in "abcd":
        await answers.get(person)
    assert answers.kept("a") is None
    assert answers.kept("d") == YES


ACTIONS = st.lists(
    st.sampled_from(["grant", "withdraw", "ask", "ask", "ask", "break", "mend", "wait"]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.integers(0, 2**16))
def test_nobody_is_told_yes_after_a_withdrawal_was_answered(actions: list[str], seed: int) -> None:
    """Askers, changes and a feed that breaks, at random: no answer is older than its question."""
    asyncio.run(_interleave(actions, random.Random(seed)))


async def _interleave(actions: list[str], chance: random.Random) -> None:
    versions = [YES]
    """What held, from change to change; `len - 1` is the version that holds now."""

    async def load(_user_id: str) -> Answer:
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        answer = Answer(versions[-1])  # the read of the store
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        return answer

    answers = Answers(load, asyncio.get_running_loop().time)
    answers.trust()

    async def ask() -> None:
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        begun = len(versions) - 1
        told = await answers.get("a")
        assert told in versions[begun:], "an answer older than its question"

    askers: list[asyncio.Task[None]] = []
    for action in actions:
        match action:
            case "grant" | "withdraw":
                versions.append(YES if action == "grant" else NO)  # the commit
                answers.forget("a")  # on the same step of the loop, before the change is answered
            case "ask":
                askers.append(asyncio.create_task(ask()))
            case "break":
                answers.distrust()
            case "mend":
                answers.trust()
            case _:
                pass
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    await asyncio.gather(*askers)
    await answers.close()
