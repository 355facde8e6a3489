"""A consumer of the workout service's events that notes each effect in its database, until it is killed.

Arguments: URL of the bus, URL of the database.
"""

from __future__ import annotations

import asyncio
import sys

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.workout.v1 import events_pb2
from services.chassis.bus.redis_streams import RedisStreamsBus
from services.chassis.consumer import Consumer
from services.chassis.database import Transaction, open_database
from tests.fixtures.counted import note

NAME = "test.counter"
SCHEMA = "counting"
PARTITIONS = 8
EVENTS = {one.DESCRIPTOR.full_name: one for one in (events_pb2.RecordingStarted, events_pb2.WorkoutRecorded)}


def subject(type_name: str, recording_id: str) -> str:
    return f"{type_name.rpartition('.')[2]}/{recording_id}"


async def count(transaction: Transaction, envelope: Envelope) -> None:
    event = EVENTS[envelope.type].FromString(envelope.payload)
    await transaction.run(note, NAME, subject(envelope.type, event.recording_id), 1)


async def main() -> None:
    # The lease of a killed process ends soon, so that its successor need not wait long.
    bus = RedisStreamsBus(sys.argv[1], cell="eu", partitions=PARTITIONS, lease_ttl_s=1.0)
    database = open_database(sys.argv[2], schema=SCHEMA)
    await Consumer(NAME, list(EVENTS), count, database).attach(bus)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
