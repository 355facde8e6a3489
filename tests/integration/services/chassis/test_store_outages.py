"""PostgreSQL killed and started again under load: what was answered is there, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import Connection

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis import outbox
from services.chassis.bus import InProcessBus
from services.chassis.consumer import Consumer
from services.chassis.database import Database, StoreUnavailable, Transaction, insert_for, open_database
from services.chassis.group_commit import GroupCommitter
from services.chassis.migrations import chassis_metadata
from services.chassis.relay import Relay
from tests.fixtures.counted import effects, effects_of, metadata, note
from tests.fixtures.events import TYPE, event, number_of
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.waiting import eventually


@pytest.fixture
async def counting(own_postgres: PostgresServer) -> AsyncIterator[Database]:
    database = open_database(own_postgres.url, schema="counting")
    await database.change_schema(chassis_metadata.create_all)
    await database.change_schema(metadata.create_all)
    yield database
    await database.close()


FIRST_ID = 1_000_000
"""Keys of our own, far from those that the database gives to the effects of consumers."""


def store_once(connection: Connection, items: Sequence[int]) -> list[int]:
    """Idempotent by the primary key, as a group's store function must be."""
    rows = [{"id": FIRST_ID + item, "consumer": "items", "subject": "x", "number": item} for item in items]
    statement = insert_for(connection, effects).on_conflict_do_nothing().returning(effects.c.id)
    new = set(connection.execute(statement, rows).scalars())
    outbox.append_all(
        connection, (event(f"user-{item % 7}", item) for item in items if FIRST_ID + item in new)
    )
    return list(items)


async def kill_and_restart(server: PostgresServer, times: int, pause_s: float) -> None:
    for _ in range(times):
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.restart)


async def test_group_commits_survive_kills_of_the_server_with_exact_counts(
    counting: Database, own_postgres: PostgresServer
) -> None:
    committer = GroupCommitter(counting, store_once, linger=0.005, cap=200, max_pending=300)
    answered: Counter[int] = Counter()
    killed = asyncio.create_task(kill_and_restart(own_postgres, 3, 0.2))
    next_item = 0

    async def submitter() -> None:
        nonlocal next_item
        while not killed.done() or next_item < 3000:
            item = next_item = next_item + 1
            answered[await committer.submit(item)] += 1

    await asyncio.gather(*(submitter() for _ in range(100)))
    await killed
    await committer.close()
    found = Counter(number for _, number in await effects_of(counting, "items"))
    async with counting.read() as transaction:
        events, _ = await transaction.run(outbox.backlog)
    print(f"{len(answered)} items answered, {found.total()} rows, {events} events, 3 kills of PostgreSQL")
    assert max(found.values()) == 1
    assert found == answered
    assert events == len(answered)


async def test_relay_and_consumer_survive_kills_of_the_server_with_exact_counts(
    counting: Database, own_postgres: PostgresServer
) -> None:
    async def handler(transaction: Transaction, envelope: Envelope) -> None:
        await transaction.run(note, "counter", envelope.subject, number_of(envelope))

    bus = InProcessBus()
    await Consumer("counter", [TYPE], handler, counting).attach(bus)
    relay = asyncio.create_task(Relay(counting, bus, poll=0.02, takeover=0.05, batch=100).run())
    killed = asyncio.create_task(kill_and_restart(own_postgres, 2, 0.3))
    committer = GroupCommitter(counting, store_once, linger=0.005)
    await asyncio.gather(*(committer.submit(item) for item in range(1500)))
    await killed
    await committer.close()

    async def complete() -> bool:
        try:
            return len(await effects_of(counting, "counter")) >= 1500
        except StoreUnavailable:
            return False

    await eventually(complete, timeout_s=60)
    relay.cancel()
    await asyncio.gather(relay, return_exceptions=True)
    found = Counter(number for _, number in await effects_of(counting, "counter"))
    print(f"1500 events appended, {found.total()} effects, 2 kills of PostgreSQL")
    assert found == Counter(range(1500))


async def test_without_the_server_writers_get_store_unavailable_and_then_go_on(
    counting: Database, own_postgres: PostgresServer
) -> None:
    async def write(number: int) -> None:
        async with counting.write() as transaction:
            await transaction.run(note, "direct", "x", number)

    await asyncio.gather(*(write(number) for number in range(8)))
    await asyncio.to_thread(own_postgres.kill)
    outcomes = await asyncio.gather(*(write(number) for number in range(8, 16)), return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    await asyncio.to_thread(own_postgres.restart)
    await asyncio.gather(*(write(number) for number in range(16, 24)))  # no stale connection is handed out
    found = sorted(number for _, number in await effects_of(counting, "direct"))
    assert found == [*range(8), *range(16, 24)]


async def test_a_relay_that_loses_its_connection_leads_again(
    counting: Database, own_postgres: PostgresServer
) -> None:
    bus = InProcessBus()
    relay = Relay(counting, bus, poll=0.02, takeover=0.05)
    running = asyncio.create_task(relay.run())
    async with counting.write() as transaction:
        await transaction.run(outbox.append, event("a", 1))
    await eventually(lambda: relay.published == 1)
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.restart)
    async with counting.write() as transaction:
        await transaction.run(outbox.append, event("a", 2))
    await eventually(lambda: relay.published == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
