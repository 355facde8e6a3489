"""What every `EventBus` promises; the in-process bus and Redis Streams both keep it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus import EventBus, InProcessBus, RetryPolicy
from services.chassis.bus.redis_streams import RedisStreamsBus
from services.chassis.database import StoreUnavailable
from tests.fixtures.events import TYPE, event, number_of, numbers_by_subject
from tests.fixtures.waiting import eventually

QUICK = RetryPolicy(max_attempts=3, first_pause_s=0.001, max_pause_s=0.01)


class Recorder:
    """Keeps what it handled; refuses some numbers for ever, others a few times."""

    def __init__(self, poison: Sequence[int] = (), flaky: dict[int, int] | None = None) -> None:
        self.handled: list[Envelope] = []
        self.parked: list[tuple[Envelope, str, int]] = []
        self.tries: Counter[int] = Counter()
        self._poison = set(poison)
        self._flaky = dict(flaky or {})
        self.store_down = 0

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        await asyncio.sleep(0)
        if self.store_down:
            self.store_down -= 1
            raise StoreUnavailable("down", retry_after=0.001)
        for envelope in envelopes:
            number = number_of(envelope)
            self.tries[number] += 1
            if number in self._poison:
                raise ValueError(f"poison {number}")
            if self._flaky.get(number, 0) > 0:
                self._flaky[number] -= 1
                raise KeyError(number)
        self.handled.extend(envelopes)

    async def park(self, envelope: Envelope, reason: str, attempts: int) -> None:
        self.parked.append((envelope, reason, attempts))

    @property
    def numbers(self) -> dict[str, list[int]]:
        return numbers_by_subject(self.handled)

    @property
    def settled(self) -> int:
        return len(self.handled) + len(self.parked)


@pytest.fixture(params=["in-process", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[EventBus]:
    opened: EventBus
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        opened = RedisStreamsBus(url, cell="eu", partitions=4, policy=QUICK, lease_ttl_s=1.0)
    else:
        opened = InProcessBus(policy=QUICK)
    yield opened
    await opened.close()


async def test_each_group_gets_each_event_of_its_types_once(bus: EventBus) -> None:
    first, second, other = Recorder(), Recorder(), Recorder()
    await bus.subscribe("first", [TYPE], first)
    await bus.subscribe("second", [TYPE], second)
    await bus.subscribe("other", ["pulsemesh.test.v1.Other"], other)
    await bus.publish([event("a", 1), event("b", 2), event("a", 3, type_name="pulsemesh.test.v1.Other")])
    await eventually(lambda: len(first.handled) == 2 and len(second.handled) == 2 and len(other.handled) == 1)
    assert first.numbers == second.numbers == {"a": [1], "b": [2]}
    assert other.numbers == {"a": [3]}


async def test_an_envelope_arrives_as_it_was_sent(bus: EventBus) -> None:
    recorder = Recorder()
    await bus.subscribe("group", [TYPE], recorder)
    sent = event("eu_Jürgen", 7)
    await bus.publish([sent])
    await eventually(lambda: len(recorder.handled) == 1)
    assert recorder.handled == [sent]


async def test_each_subjects_order_is_kept_over_many_batches(bus: EventBus) -> None:
    recorder = Recorder()
    await bus.subscribe("group", [TYPE], recorder)
    for start in range(0, 300, 100):
        await bus.publish([event(f"user-{s}", n) for n in range(start, start + 100) for s in range(11)])
    await eventually(lambda: len(recorder.handled) == 3300)
    assert recorder.numbers == {f"user-{s}": list(range(300)) for s in range(11)}


async def test_a_poison_event_is_parked_and_all_others_are_handled(bus: EventBus) -> None:
    recorder = Recorder(poison=[5])
    await bus.subscribe("group", [TYPE], recorder)
    await bus.publish([event(subject, number) for subject, number in zip("aabbcc", range(3, 9), strict=True)])
    await eventually(lambda: recorder.settled == 6)
    assert recorder.numbers == {"a": [3, 4], "b": [6], "c": [7, 8]}
    ((parked, reason, attempts),) = recorder.parked
    assert (number_of(parked), reason, attempts) == (5, "ValueError: poison 5", 3)


async def test_a_flaky_event_is_retried_and_its_subject_waits_for_it(bus: EventBus) -> None:
    recorder = Recorder(flaky={1: 2})
    await bus.subscribe("group", [TYPE], recorder)
    await bus.publish([event("a", 1), event("a", 2), event("b", 3)])
    await eventually(lambda: recorder.settled == 3)
    assert recorder.numbers == {"a": [1, 2], "b": [3]}
    assert recorder.parked == []


async def test_an_absent_store_parks_nothing_however_long_it_lasts(bus: EventBus) -> None:
    recorder = Recorder()
    recorder.store_down = 20
    await bus.subscribe("group", [TYPE], recorder)
    await bus.publish([event("a", number) for number in range(5)])
    await eventually(lambda: recorder.settled == 5)
    assert recorder.parked == []
    assert recorder.numbers == {"a": list(range(5))}


async def test_an_empty_publish_is_nothing(bus: EventBus) -> None:
    await bus.publish([])


async def test_a_closed_subscription_gets_nothing_more(bus: EventBus) -> None:
    recorder = Recorder()
    subscription = await bus.subscribe("group", [TYPE], recorder)
    await bus.publish([event("a", 1)])
    await eventually(lambda: len(recorder.handled) == 1)
    await subscription.close()
    await bus.publish([event("a", 2)])
    assert recorder.numbers == {"a": [1]}


async def test_large_payloads_travel(bus: EventBus) -> None:
    recorder = Recorder()
    await bus.subscribe("group", [TYPE], recorder)
    events = [event("a", number) for number in range(6)]
    for envelope in events:
        envelope.traceparent = "x" * 1_000_000
    await bus.publish(events)
    await eventually(lambda: len(recorder.handled) == 6)
    assert recorder.handled == events


async def test_ping_answers(bus: EventBus) -> None:
    await bus.ping()


async def test_what_is_erased_is_not_delivered_and_nobody_waits_for_it(bus: EventBus) -> None:
    """A group that had not handled the erased events goes on with those of others."""
    recorder = Recorder()
    recorder.store_down = 10_000
    await bus.subscribe("slow", [TYPE], recorder)
    published = [event("gone", 1), event("stays", 2), event("gone", 3), event("stays", 4)]
    publishing = asyncio.create_task(bus.publish(published))
    await eventually(lambda: recorder.store_down < 10_000)  # it holds the first of them already
    erased = await bus.erase("gone")
    recorder.store_down = 0
    await publishing
    await bus.publish([event("gone", 5), event("stays", 6)])  # those who come after are not the bus' affair
    await eventually(lambda: recorder.numbers.get("stays") == [2, 4, 6] and 5 in recorder.numbers["gone"])
    assert recorder.parked == []
    if isinstance(bus, RedisStreamsBus):
        assert erased == 2
        assert await bus.erase("gone") == 1
    assert await bus.erase("nobody") == 0


async def test_erased_events_are_not_replayed(bus: EventBus) -> None:
    if isinstance(bus, InProcessBus):
        pytest.skip("the in-process bus keeps no log")
    await bus.publish([event("gone", 1), event("stays", 2), event("gone", 3)])
    assert await bus.erase("gone") == 2
    late = Recorder()
    await bus.subscribe("late", [TYPE], late)  # a new group gets all that is kept
    await eventually(lambda: late.numbers == {"stays": [2]})
    await bus.replay("late", 0)
    await eventually(lambda: late.numbers == {"stays": [2, 2]})
