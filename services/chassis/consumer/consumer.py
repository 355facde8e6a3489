"""A consumer: its handler's effect happens exactly once per event, however often the event comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis import inbox
from services.chassis.bus.port import EventBus, Subscription
from services.chassis.consent import ConsentGate
from services.chassis.consumer import dead_letters
from services.chassis.consumer.dead_letters import DeadLetter
from services.chassis.database import Database, Transaction
from services.chassis.erased_people import erased_among

Handler = Callable[[Transaction, Envelope], Awaitable[None]]

REPLAY_MARGIN_MS = 60_000
"""The clocks of the database's clients and of the bus may differ by this much."""


class Consumer:
    """Runs `handler(transaction, envelope)` in a unit of work together with the inbox record.

    The handler has its effect through the transaction alone (store functions, outbox rows): a batch that
    fails
    is rolled back and tried event by event. It must not call back into its own service, whose writes would
    wait for this unit of work on SQLite.
    """

    def __init__(
        self,
        name: str,
        types: Collection[str],
        handler: Handler,
        database: Database,
        *,
        consents: Collection[Purpose.ValueType] = (),
        gate: ConsentGate | None = None,
    ) -> None:
        """
        Args:
            name: ``<service>.<purpose>``, unique in the cell: the bus's group and the inbox's key. Renaming
            it
                makes it a new consumer that gets everything the bus still keeps.
            types: full names of the payloads' messages.
            consents: purposes that the person of an event (its subject) must allow. An event of somebody who
                does not is passed over and counted: it is settled, and does not come again when they agree
                later. While nobody can tell, events wait.
            gate: knows what people allow.

        Raises:
            ValueError: consents without a gate.
        """
        if consents and gate is None:
            raise ValueError(f"the consumer {name} needs consents, and nobody to ask for them")
        self.name = name
        self.types = frozenset(types)
        self._handler = handler
        self._database = database
        self._consents = frozenset(consents)
        self._gate = gate
        self.passed_over = 0
        """Events of people who did not allow their use, or who were erased."""

    async def attach(self, bus: EventBus) -> Subscription:
        """Start to consume from `bus`."""
        return await bus.subscribe(self.name, self.types, self)

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Handle those that are new, all in one unit of work; see `EventHandler.handle`."""
        refusing = await self._refusing(envelopes)
        passed_over = 0
        async with self._database.write() as transaction:
            new = await transaction.run(inbox.record, self.name, [event.event_id for event in envelopes])
            erased = await transaction.run(erased_among, {event.subject for event in envelopes})
            for envelope in envelopes:
                if envelope.event_id in new:
                    new.discard(envelope.event_id)
                    if envelope.subject in erased or envelope.subject in refusing:
                        passed_over += 1
                    else:
                        await self._handler(transaction, envelope)
        self.passed_over += passed_over

    async def _refusing(self, envelopes: Sequence[Envelope]) -> set[str]:
        """The people among the subjects who do not allow what the consumer does.

        Raises:
            Unavailable: that cannot be known now; the bus tries again.
        """
        if self._gate is None or not self._consents:
            return set()
        subjects = {envelope.subject for envelope in envelopes}
        return {subject for subject in subjects if await self._gate.refused(subject, self._consents)}

    async def park(self, envelope: Envelope, reason: str, attempts: int) -> None:
        """Keep the event as a dead letter, unless its effect happened after all; see `EventHandler.park`.

        Of a person who was erased meanwhile nothing is kept.
        """
        async with self._database.write() as transaction:
            new = await transaction.run(inbox.record, self.name, [envelope.event_id])
            if not new:
                return
            if await transaction.run(erased_among, {envelope.subject}):
                self.passed_over += 1
            else:
                await transaction.run(dead_letters.park, self.name, envelope, reason, attempts)

    async def parked(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters."""
        async with self._database.read() as transaction:
            return await transaction.run(dead_letters.parked, self.name, limit)

    async def retry_parked(self, event_ids: Collection[str] | None = None, limit: int = 100) -> int:
        """Handle dead letters again (all, or these) and forget them; returns how many.

        Effect and removal are one transaction per event.

        Raises:
            Exception: what the handler raised for the first that fails again; it and those after it stay.
        """
        letters = [
            letter
            for letter in await self.parked(limit)
            if event_ids is None or letter.envelope.event_id in event_ids
        ]
        refusing = await self._refusing([letter.envelope for letter in letters])
        for letter in letters:
            async with self._database.write() as transaction:
                if not await transaction.run(dead_letters.discard, self.name, [letter.envelope.event_id]):
                    continue
                erased = await transaction.run(erased_among, {letter.envelope.subject})
                if erased or letter.envelope.subject in refusing:
                    self.passed_over += 1
                else:
                    await self._handler(transaction, letter.envelope)
        return len(letters)

    async def replay(self, bus: EventBus, since_ms: int) -> None:
        """Handle again all events since `since_ms` (Unix ms) that the bus still keeps, as if they were new.

        The handler's earlier effects are not undone: clear the projection first.

        Raises:
            ReplayNotSupported: the bus keeps no log.
        """
        await bus.ping()
        async with self._database.write() as transaction:
            await transaction.run(inbox.forget_since, self.name, since_ms - REPLAY_MARGIN_MS)
        await bus.replay(self.name, since_ms)
