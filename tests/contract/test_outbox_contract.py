"""Outbox, relay, inbox and consumer on both databases: every event once in effect, in order per subject."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis import inbox, outbox
from services.chassis.bus import BusUnavailable, InProcessBus, RetryPolicy
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction, open_database, unclassified_columns
from services.chassis.migrations import chassis_metadata
from services.chassis.relay import Relay
from tests.fixtures.counted import effects_of, note
from tests.fixtures.events import TYPE, event, number_of, numbers_by_subject
from tests.fixtures.waiting import eventually


class RecordingBus(InProcessBus):
    """An in-process bus that also keeps what was published, and can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Envelope] = []
        self.down = False

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        if self.down:
            raise BusUnavailable("down", retry_after=0.05)
        await super().publish(envelopes)
        self.published.extend(envelopes)


async def append(database: Database, *envelopes: Envelope) -> None:
    async with database.write() as transaction:
        await transaction.run(outbox.append, *envelopes)


async def rows_left(database: Database) -> int:
    async with database.read() as transaction:
        return (await transaction.run(outbox.backlog))[0]


async def count_event(transaction: Transaction, envelope: Envelope) -> None:
    await transaction.run(note, "counter", envelope.subject, number_of(envelope))


async def test_a_row_exists_if_and_only_if_its_transaction_committed(service_database: Database) -> None:
    await append(service_database, event("a", 1))
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what raises
        async with service_database.write() as transaction:
            await transaction.run(outbox.append, event("a", 2))
            raise LookupError
    bus = RecordingBus()
    assert await Relay(service_database, bus).publish_all() == 1
    assert numbers_by_subject(bus.published) == {"a": [1]}


async def test_published_rows_are_deleted_and_the_order_is_that_of_appending(
    service_database: Database,
) -> None:
    await append(service_database, *(event("a", number) for number in range(1200)))
    bus = RecordingBus()
    assert await Relay(service_database, bus, batch=500).publish_all() == 1200
    assert numbers_by_subject(bus.published) == {"a": list(range(1200))}
    assert await rows_left(service_database) == 0


async def test_a_commit_wakes_the_relay_at_once(service_database: Database) -> None:
    bus = RecordingBus()
    relay = asyncio.create_task(Relay(service_database, bus, poll=3600.0).run())
    await append(service_database, event("a", 1))
    await eventually(lambda: len(bus.published) == 1)
    await append(service_database, event("a", 2))
    await eventually(lambda: len(bus.published) == 2)
    relay.cancel()


async def test_rows_stay_while_the_bus_is_down_and_leave_when_it_is_back(service_database: Database) -> None:
    bus = RecordingBus()
    bus.down = True
    relay = asyncio.create_task(Relay(service_database, bus, poll=0.02).run())
    for number in range(20):
        await append(service_database, event("a", number))
    await asyncio.sleep(0.1)
    assert await rows_left(service_database) == 20
    bus.down = False
    await eventually(lambda: len(bus.published) == 20)
    relay.cancel()
    assert numbers_by_subject(bus.published) == {"a": list(range(20))}


async def test_many_writers_lose_nothing_and_keep_each_subjects_order(service_database: Database) -> None:
    """Twelve writers append beside a running relay; transactions overlap and some roll back."""
    bus = RecordingBus()
    relay = asyncio.create_task(Relay(service_database, bus, poll=0.01, batch=37).run())
    chance = random.Random(7)

    async def writer(subject: str) -> None:
        for number in range(40):
            if chance.random() < 0.2:
                with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what raises
                    async with service_database.write() as transaction:
                        await transaction.run(outbox.append, event(subject, 1_000 + number))
                        raise LookupError
            async with service_database.write() as transaction:
                await transaction.run(outbox.append, event(subject, number))
                if chance.random() < 0.3:  # holds its id while others commit later ones
                    await asyncio.sleep(0.003)

    await asyncio.gather(*(writer(f"user-{number}") for number in range(12)))
    await eventually(lambda: len(bus.published) >= 480)
    relay.cancel()
    assert numbers_by_subject(bus.published) == {f"user-{n}": list(range(40)) for n in range(12)}


async def test_ids_that_commit_out_of_order_are_all_published(postgres_url: str) -> None:
    """An id is taken, later ids commit and are published, then the first one commits."""
    database = open_database(postgres_url, schema="counting")
    await database.change_schema(chassis_metadata.create_all)
    bus = RecordingBus()
    relay = Relay(database, bus)
    async with database.write() as early:
        await early.run(outbox.append, event("slow", 1))
        await append(database, event("fast", 1), event("fast", 2))
        assert await relay.publish_all() == 2
    assert await relay.publish_all() == 1
    assert numbers_by_subject(bus.published) == {"fast": [1, 2], "slow": [1]}
    await database.close()


async def test_of_two_relays_one_is_active_and_the_other_takes_over(postgres_url: str) -> None:
    first, second = (open_database(postgres_url, schema="counting") for _ in range(2))
    await first.change_schema(chassis_metadata.create_all)
    buses = RecordingBus(), RecordingBus()
    relays = [
        asyncio.create_task(Relay(database, bus, poll=0.02, takeover=0.1).run())
        for database, bus in zip((first, second), buses, strict=True)
    ]
    for number in range(30):
        await append(second, event("a", number))
    await eventually(lambda: sum(len(bus.published) for bus in buses) == 30)
    active = 0 if buses[0].published else 1
    assert buses[1 - active].published == []
    relays[active].cancel()
    await asyncio.gather(relays[active], return_exceptions=True)
    # The one that ended may have published its last events and not yet deleted them: they come twice.
    late = event("a", 30)
    await append(first, late)
    await eventually(lambda: late in buses[1 - active].published)
    relays[1 - active].cancel()
    await asyncio.gather(*relays, return_exceptions=True)
    await first.close()
    await second.close()


async def test_a_consumer_has_its_effect_once_although_the_event_comes_again(
    service_database: Database,
) -> None:
    bus = InProcessBus()
    await Consumer("counter", [TYPE], count_event, service_database).attach(bus)
    events = [event("a", number) for number in range(10)]
    await bus.publish(events)
    await bus.publish(events)
    await bus.publish([*events, event("a", 10), event("a", 10)])
    assert await effects_of(service_database, "counter") == [("a", number) for number in range(11)]


async def test_a_crash_between_publishing_and_deleting_doubles_nothing(service_database: Database) -> None:
    bus = InProcessBus()
    await Consumer("counter", [TYPE], count_event, service_database).attach(bus)
    await append(service_database, *(event("a", number) for number in range(5)))
    async with service_database.read() as transaction:
        rows = await transaction.run(outbox.waiting, 100, 1_000_000)
    await bus.publish([row.envelope for row in rows])  # and here the process dies: nothing is deleted
    assert await Relay(service_database, bus).publish_all() == 5
    assert await effects_of(service_database, "counter") == [("a", number) for number in range(5)]


async def test_a_failing_event_is_parked_listed_and_handled_later(service_database: Database) -> None:
    broken = True

    async def handler(transaction: Transaction, envelope: Envelope) -> None:
        await count_event(transaction, envelope)
        if broken and number_of(envelope) == 1:
            raise ValueError("cannot")

    bus = InProcessBus(policy=RetryPolicy(max_attempts=3, first_pause_s=0.001))
    consumer = Consumer("counter", [TYPE], handler, service_database)
    await consumer.attach(bus)
    await bus.publish([event("a", 0), event("b", 1), event("b", 2), event("c", 3)])
    assert sorted(await effects_of(service_database, "counter")) == [("a", 0), ("b", 2), ("c", 3)]
    (letter,) = await consumer.parked()
    assert (letter.envelope.subject, letter.reason, letter.attempts) == ("b", "ValueError: cannot", 3)
    await bus.publish([event("b", 1)])  # a late repeat of a parked event stays parked
    assert len(await effects_of(service_database, "counter")) == 3
    broken = False
    assert await consumer.retry_parked() == 1
    assert await consumer.parked() == []
    assert sorted(await effects_of(service_database, "counter")) == [("a", 0), ("b", 1), ("b", 2), ("c", 3)]


async def test_a_dead_letter_that_fails_again_stays(service_database: Database) -> None:
    async def handler(_transaction: Transaction, _envelope: Envelope) -> None:
        raise ValueError("never")

    bus = InProcessBus(policy=RetryPolicy(max_attempts=1, first_pause_s=0.001))
    consumer = Consumer("counter", [TYPE], handler, service_database)
    await consumer.attach(bus)
    await bus.publish([event("a", 0)])
    with pytest.raises(ValueError, match="never"):
        await consumer.retry_parked()
    assert len(await consumer.parked()) == 1


async def test_the_inbox_forgets_what_is_old_enough(service_database: Database) -> None:
    ids = [event("a", number).event_id for number in range(7)]
    async with service_database.write() as transaction:
        assert await transaction.run(inbox.record, "counter", ids) == set(ids)
    async with service_database.write() as transaction:
        assert await transaction.run(inbox.record, "counter", ids[:2]) == set()
        assert await transaction.run(inbox.prune, 0) == 0
        assert await transaction.run(inbox.prune, 2**60, 5) == 5
        assert await transaction.run(inbox.prune, 2**60, 5) == 2


def test_every_chassis_column_says_which_personal_data_it_holds() -> None:
    assert unclassified_columns(chassis_metadata) == []
