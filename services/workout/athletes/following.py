"""What people tell of their thresholds in the profile service arrives here, where it is kept."""

from __future__ import annotations

from collections.abc import Callable

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import events_pb2
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction
from services.workout.athletes import changing

PHYSIOLOGY_CHANGED = events_pb2.PhysiologyChanged.DESCRIPTOR.full_name


def physiology_consumer(database: Database, clock_ms: Callable[[], int]) -> Consumer:
    """Takes over what was told; what comes of it is published as `ThresholdsChanged`."""

    async def handle(transaction: Transaction, envelope: Envelope) -> None:
        event = events_pb2.PhysiologyChanged.FromString(envelope.payload)
        await transaction.run(changing.follow, event.user_id, event, clock_ms())

    return Consumer("workout.physiology", [PHYSIOLOGY_CHANGED], handle, database)
