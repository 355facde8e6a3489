"""What follows when a person allows the analysis of their training, or does not any more.

The events may come again, and late: what counts is what holds when they are handled. So a withdrawal that was
taken back meanwhile erases nothing, and a grant that was withdrawn meanwhile queues nothing that is done.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from pulsemesh.consent.v1 import events_pb2
from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.consent import ConsentGate
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction
from services.workout.analysis import queue
from services.workout.consents.channels import PURPOSES
from services.workout.tables import workouts

NAME = "workout.consents"
GRANTED = events_pb2.ConsentGranted.DESCRIPTOR.full_name
WITHDRAWN = events_pb2.ConsentWithdrawn.DESCRIPTOR.full_name

Clock = Callable[[], int]
"""Milliseconds since 1970 UTC."""

ANALYSIS = Purpose.PURPOSE_TRAINING_ANALYSIS


def consumer(database: Database, gate: ConsentGate, clock_ms: Clock) -> Consumer:
    """The consumer of what the consent service publishes."""
    return Consumer(NAME, {GRANTED, WITHDRAWN}, ConsentFollower(gate, clock_ms), database)


class ConsentFollower:
    """Handles the events."""

    def __init__(self, gate: ConsentGate, clock_ms: Clock) -> None:
        self._gate = gate
        self._clock_ms = clock_ms

    async def __call__(self, transaction: Transaction, envelope: Envelope) -> None:
        """Queue the erasure, or the analysis, of every workout of the person."""
        if not _changes_analyses(envelope):
            return
        # What this process keeps may be older than the event.
        self._gate.forget(envelope.subject)
        allowed = not await self._gate.refused(envelope.subject, frozenset({ANALYSIS}))
        if allowed == (envelope.type == GRANTED):
            reason = queue.ALLOWED if allowed else queue.WITHDRAWN
            await transaction.run(queue_all, envelope.subject, reason, self._clock_ms())


def _changes_analyses(envelope: Envelope) -> bool:
    if envelope.type == GRANTED:
        # With each of them there is more to compute from.
        gained = frozenset(events_pb2.ConsentGranted.FromString(envelope.payload).purposes)
        return not gained.isdisjoint({ANALYSIS, *PURPOSES})
    withdrawn = events_pb2.ConsentWithdrawn.FromString(envelope.payload)
    # Who moved is asked again: until then nothing is analysed, and what was computed waits, unread.
    by_person = withdrawn.cause == events_pb2.WithdrawalCause.WITHDRAWAL_CAUSE_PERSON
    return by_person and ANALYSIS in withdrawn.purposes


def queue_all(conn: Connection, user_id: str, reason: str, now_ms: int) -> int:
    """Store function: queue every workout of a person that is not hidden; how many those are.

    One row each here; the work itself is one transaction a workout, so that nobody waits for it.
    """
    mine = select(workouts.c.workout_pk).where(workouts.c.user_id == user_id, workouts.c.hidden.is_(False))
    workout_pks = list(conn.execute(mine.order_by(workouts.c.workout_pk)).scalars())
    queue.enqueue_many(conn, user_id, workout_pks, reason, now_ms)
    return len(workout_pks)
