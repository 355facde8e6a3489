"""A small domain that only listens: it keeps what the workout service publishes, in a database of its own."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.workout.v1 import events_pb2
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction, open_database
from services.chassis.migrations import chassis_metadata
from services.chassis.module import ModuleContext, RunningModule
from tests.fixtures.counted import effects_of, metadata, note

NAME = "listener.events"
EVENTS = {
    one.DESCRIPTOR.full_name: one
    for one in (
        events_pb2.RecordingStarted,
        events_pb2.RecordingDiscarded,
        events_pb2.WorkoutRecorded,
        events_pb2.WorkoutUpdated,
        events_pb2.WorkoutDeleted,
    )
}


async def _keep(transaction: Transaction, envelope: Envelope) -> None:
    event = EVENTS[envelope.type].FromString(envelope.payload)
    subject = event.workout_id if hasattr(event, "workout_id") else event.recording_id
    await transaction.run(note, NAME, f"{envelope.type.rpartition('.')[2]} {subject}", 1)


async def open_listener(folder: Path) -> tuple[Consumer, Database]:
    """The consumer, and the SQLite database in `folder` in which it keeps what it got."""
    database = open_database(f"sqlite:///{folder}", schema="listener")
    await database.change_schema(chassis_metadata.create_all)
    await database.change_schema(metadata.create_all)
    return Consumer(NAME, list(EVENTS), _keep, database), database


async def heard(database: Database) -> list[str]:
    """Everything that was delivered, as `<event> <id>`, in the order of its effect."""
    return [subject for subject, _ in await effects_of(database, NAME)]


class ListenerModule:
    """The domain, for a platform that runs in the test's process; see `services.chassis.module.Module`."""

    name = "listener"
    metadata = MetaData()
    migrations: Path | None = None
    database: Database

    async def start(self, context: ModuleContext) -> RunningModule:
        consumer, self.database = await open_listener(context.settings.data_dir)
        return RunningModule(consumers=[consumer], on_close=self.database.close)


module = ListenerModule()
