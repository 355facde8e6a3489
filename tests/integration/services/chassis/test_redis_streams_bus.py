"""What only the bus between processes has: shared work, dead members, replay, trimming, an absent server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import redis.asyncio as redis

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis import outbox
from services.chassis.bus import BusUnavailable
from services.chassis.bus.redis_layout import Layout
from services.chassis.bus.redis_partition import FATAL_DELIVERIES, OWNER
from services.chassis.bus.redis_streams import RedisStreamsBus
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction, open_database
from services.chassis.migrations import chassis_metadata
from services.chassis.relay import Relay
from tests.fixtures.counted import effects_of, metadata, note
from tests.fixtures.events import TYPE, event, number_of, numbers_by_subject
from tests.fixtures.valkey import ValkeyServer
from tests.fixtures.waiting import eventually

LAYOUT = Layout("eu", 4)
OpenBus = Callable[[], RedisStreamsBus]


class Recorder:
    def __init__(self) -> None:
        self.handled: list[Envelope] = []
        self.parked: list[Envelope] = []

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        self.handled.extend(envelopes)

    async def park(self, envelope: Envelope, _reason: str, _attempts: int) -> None:
        self.parked.append(envelope)


class Stuck(Recorder):
    """A process that hangs in its first event."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        self.entered.set()
        await asyncio.Event().wait()


@pytest.fixture
async def open_buses(redis_url: str) -> AsyncIterator[OpenBus]:
    opened: list[RedisStreamsBus] = []

    def open_one() -> RedisStreamsBus:
        opened.append(RedisStreamsBus(redis_url, cell="eu", partitions=4, lease_ttl_s=0.5))
        return opened[-1]

    yield open_one
    for bus in opened:
        await bus.close()


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}", schema="counting")
    await database.change_schema(chassis_metadata.create_all)
    await database.change_schema(metadata.create_all)
    yield database
    await database.close()


async def test_two_processes_share_the_partitions_and_keep_the_order(open_buses: OpenBus) -> None:
    first_bus, second_bus = open_buses(), open_buses()
    first, second = Recorder(), Recorder()
    one = await first_bus.subscribe("group", [TYPE], first)
    two = await second_bus.subscribe("group", [TYPE], second)
    await eventually(lambda: len(one.partitions) == 2 and len(two.partitions) == 2)
    for start in range(0, 100, 20):
        await first_bus.publish([event(f"user-{s}", n) for n in range(start, start + 20) for s in range(16)])
    await eventually(lambda: len(first.handled) + len(second.handled) == 1600)
    assert first.handled
    assert second.handled
    merged = numbers_by_subject([*first.handled, *second.handled])
    assert merged == {f"user-{s}": list(range(100)) for s in range(16)}
    assert not set(numbers_by_subject(first.handled)) & set(numbers_by_subject(second.handled))


async def test_what_a_dead_process_left_goes_to_the_next_one(open_buses: OpenBus) -> None:
    dying, living = open_buses(), open_buses()
    stuck, recorder = Stuck(), Recorder()
    member = await dying.subscribe("group", [TYPE], stuck)
    await eventually(lambda: len(member.partitions) == 4)
    await living.publish([event("a", number) for number in range(5)])
    await stuck.entered.wait()
    await member.abandon()
    await living.subscribe("group", [TYPE], recorder)
    await eventually(lambda: len(recorder.handled) == 5)
    assert numbers_by_subject(recorder.handled) == {"a": list(range(5))}


async def test_a_member_that_leaves_in_order_frees_its_partitions_at_once(open_buses: OpenBus) -> None:
    leaving, staying = open_buses(), open_buses()
    member = await leaving.subscribe("group", [TYPE], Recorder())
    await eventually(lambda: len(member.partitions) == 4)
    await member.close()
    other = await staying.subscribe("group", [TYPE], Recorder())
    await eventually(lambda: len(other.partitions) == 4)


async def test_an_event_that_kills_each_process_is_parked_in_the_end(
    open_buses: OpenBus, redis_url: str
) -> None:
    bus = open_buses()
    await bus.publish([event("a", number) for number in range(4)])
    stream = LAYOUT.stream(LAYOUT.partition_of("a"))
    async with redis.Redis.from_url(redis_url, protocol=2) as client:
        await client.xgroup_create(stream, "group", id="0")
        await client.xreadgroup("group", OWNER, {stream: ">"})
        for _ in range(FATAL_DELIVERIES):  # as if so many processes had died with these entries in hand
            await client.xreadgroup("group", OWNER, {stream: "0"})
    recorder = Recorder()
    await bus.subscribe("group", [TYPE], recorder)
    await eventually(lambda: len(recorder.handled) == 3)
    assert [number_of(envelope) for envelope in recorder.parked] == [0]
    assert numbers_by_subject(recorder.handled) == {"a": [1, 2, 3]}


async def test_an_entry_that_is_no_envelope_is_put_aside(open_buses: OpenBus, redis_url: str) -> None:
    bus, recorder = open_buses(), Recorder()
    stream = LAYOUT.stream(LAYOUT.partition_of("a"))
    async with redis.Redis.from_url(redis_url, protocol=2) as client:
        await client.xadd(stream, {"e": b"\xff\xff\xff"})
        await client.xadd(stream, {"other": b"field"})
        await bus.publish([event("a", 1)])
        await bus.subscribe("group", [TYPE], recorder)
        await eventually(lambda: len(recorder.handled) == 1)
        assert await client.xlen(LAYOUT.unreadable) == 2


async def test_a_replay_goes_to_one_group_from_a_time_on(open_buses: OpenBus) -> None:
    bus, first, second = open_buses(), Recorder(), Recorder()
    await bus.subscribe("first", [TYPE], first)
    await bus.subscribe("second", [TYPE], second)
    await bus.publish([event("a", number) for number in range(3)])
    await eventually(lambda: len(first.handled) == 3 and len(second.handled) == 3)
    await asyncio.sleep(0.02)
    since_ms = time.time_ns() // 1_000_000
    await asyncio.sleep(0.02)
    await bus.publish([event("a", number) for number in range(3, 6)])
    await eventually(lambda: len(first.handled) == 6 and len(second.handled) == 6)
    await bus.replay("first", since_ms)
    await eventually(lambda: len(first.handled) == 9)
    assert [number_of(envelope) for envelope in first.handled[6:]] == [3, 4, 5]
    assert len(second.handled) == 6


async def test_a_consumers_replay_has_its_effect_again(open_buses: OpenBus, counting: Database) -> None:
    async def handler(transaction: Transaction, envelope: Envelope) -> None:
        await transaction.run(note, "counter", envelope.subject, number_of(envelope))

    bus = open_buses()
    consumer = Consumer("counter", [TYPE], handler, counting)
    await consumer.attach(bus)
    await bus.publish([event("a", number) for number in range(3)])

    async def effects(count: int) -> bool:
        return len(await effects_of(counting, "counter")) == count

    await eventually(lambda: effects(3))
    await consumer.replay(bus, 0)
    await eventually(lambda: effects(6))


async def test_trimming_keeps_what_a_group_still_needs(open_buses: OpenBus, redis_url: str) -> None:
    bus, recorder = open_buses(), Recorder()
    keeps_nothing = RedisStreamsBus(redis_url, cell="eu", partitions=4, retention_s=-60.0)
    await bus.subscribe("group", [TYPE], recorder)
    await bus.publish([event("a", number) for number in range(10)])
    stream = LAYOUT.stream(LAYOUT.partition_of("a"))
    async with redis.Redis.from_url(redis_url, protocol=2) as client:
        await client.xgroup_create(stream, "slow", id="0")
        await client.xreadgroup("slow", "somebody", {stream: ">"}, count=4)

        async def acknowledged() -> bool:
            pending = {g["name"]: g["pending"] for g in await client.xinfo_groups(stream)}
            return pending.get(b"group") == 0 and len(recorder.handled) == 10

        await eventually(acknowledged)
        assert await keeps_nothing.trim() == 0
        first_ids = [row["message_id"] for row in await client.xpending_range(stream, "slow", "-", "+", 2)]
        await client.xack(stream, "slow", *first_ids)
        assert await keeps_nothing.trim() == 2
        await keeps_nothing.forget_group("slow")
        assert await keeps_nothing.trim() == 8
    await keeps_nothing.close()


async def test_no_server_is_bus_unavailable() -> None:
    bus = RedisStreamsBus("redis://127.0.0.1:1/0", cell="eu")
    with pytest.raises(BusUnavailable):
        await bus.publish([event("a", 1)])
    with pytest.raises(BusUnavailable):
        await bus.ping()
    await bus.close()


async def test_kill_and_restart_of_the_server_under_load_loses_and_doubles_nothing(
    own_valkey: ValkeyServer, counting: Database
) -> None:
    """Outbox → relay → Redis → consumer → effects, while the server is killed three times."""

    async def handler(transaction: Transaction, envelope: Envelope) -> None:
        await transaction.run(note, "counter", envelope.subject, number_of(envelope))

    bus = RedisStreamsBus(own_valkey.url, cell="eu", partitions=4, lease_ttl_s=1.0)
    await Consumer("counter", [TYPE], handler, counting).attach(bus)
    relay = asyncio.create_task(Relay(counting, bus, poll=0.02, batch=50).run())
    for number in range(120):
        async with counting.write() as transaction:
            await transaction.run(outbox.append, *(event(f"user-{s}", number) for s in range(10)))
        if number % 40 == 20:
            await asyncio.to_thread(own_valkey.kill)
        if number % 40 == 30:
            await asyncio.to_thread(own_valkey.restart)

    async def complete() -> bool:
        return len(await effects_of(counting, "counter")) >= 1200

    await eventually(complete, timeout_s=60)
    relay.cancel()
    await bus.close()
    found: dict[str, list[int]] = {}
    for subject, number in await effects_of(counting, "counter"):
        found.setdefault(subject, []).append(number)
    print(f"1200 events appended, {sum(map(len, found.values()))} effects, 3 kills")
    assert found == {f"user-{s}": list(range(120)) for s in range(10)}
