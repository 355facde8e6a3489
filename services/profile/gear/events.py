"""What the inventory makes of the events of workouts. What it publishes: `alerting.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Connection

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.workout.v1 import events_pb2
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction
from services.profile.gear import counting

CONSUMER = "profile.gear"

_WITH_STATE: tuple[type[Message], ...] = (
    events_pb2.WorkoutRecorded,
    events_pb2.WorkoutUpdated,
    events_pb2.WorkoutRevised,
    events_pb2.WorkoutHidden,
    events_pb2.WorkoutRestored,
)
_BY_TYPE = {kind.DESCRIPTOR.full_name: kind for kind in _WITH_STATE}
_DELETED = events_pb2.WorkoutDeleted.DESCRIPTOR.full_name

CONSUMED = frozenset({*_BY_TYPE, _DELETED})
"""The types of events that change what is counted."""


def workout_consumer(database: Database, clock_ms: Callable[[], int]) -> Consumer:
    """Counts workouts for gear as their events come."""

    async def handle(transaction: Transaction, envelope: Envelope) -> None:
        await transaction.run(take, envelope, clock_ms())

    return Consumer(CONSUMER, CONSUMED, handle, database)


def take(conn: Connection, envelope: Envelope, now_ms: int) -> None:
    """Store function: what an event of a workout changes. Late, repeated, reordered events end the same."""
    if envelope.type == _DELETED:
        gone = events_pb2.WorkoutDeleted.FromString(envelope.payload)
        counting.workout_gone(conn, envelope.subject, gone.workout_id, now_ms)
        return
    event: Any = _BY_TYPE[envelope.type].FromString(envelope.payload)
    # Events of before states were told carry none: `RecomputeGear` reads those workouts.
    if event.state.version:
        counting.workout_seen(conn, envelope.subject, event.workout_id, event.state, now_ms)
