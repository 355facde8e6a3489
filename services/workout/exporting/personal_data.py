"""Everything that the domain holds of a person: the archive that our tools import, and the rows beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from pulsemesh.workout.v1 import export_service_pb2 as wire
from pulsemesh.workout.v1 import personal_data_service_pb2
from services.chassis.database import Database
from services.chassis.personal_data import PersonalData, personal_data_servicer
from services.workout.exporting.archive import export_archive
from services.workout.tables import metadata

ARCHIVE = "workout/archive.zip"


def personal_data(database: Database, clock_ms: Callable[[], int]) -> Any:
    """The servicer of `PersonalDataService`."""

    async def archive(user_id: str) -> AsyncIterator[tuple[str, bytes]]:
        exported = export_archive(database, user_id, wire.ExportArchiveRequest(), clock_ms())
        async with aclosing(exported) as parts:
            async for part in parts:
                if part.WhichOneof("part") == "chunk":
                    yield ARCHIVE, part.chunk

    data = PersonalData("workout", metadata, database, extra=archive)
    return personal_data_servicer(data, personal_data_service_pb2)
