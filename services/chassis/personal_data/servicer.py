"""The `PersonalDataService` that every domain with tables serves."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, MetaData

from pulsemesh.type.v1 import personal_data_pb2 as shared
from services.chassis import erased_people
from services.chassis.database import Database
from services.chassis.personal_data.erasing import Eraser, erase_rows
from services.chassis.personal_data.exporting import export_rows

CHUNK_BYTES = 256 * 1024

Extra = Callable[[str], AsyncIterator[tuple[str, bytes]]]
"""What a domain hands over beside its rows: paths within the export and pieces of their content."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a domain answers with.

    Attributes:
        domain: its name.
        metadata: its annotated tables.
        extra: see `Extra`.
        before: see `Eraser`.
        sparing: see `erase_rows`.
        withheld: see `export_rows`.
    """

    domain: str
    metadata: MetaData
    database: Database
    extra: Extra | None = None
    before: Eraser | None = None
    sparing: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)
    withheld: Collection[str] = ()

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
        """Everything of a person, as paths and pieces of content."""
        rows = export_rows(self.database, self.domain, self.metadata, user_id, self.withheld)
        async for path, content in rows:
            yield path, content
        if self.extra is not None:
            async for path, content in self.extra(user_id):
                yield path, content

    async def erase(self, user_id: str) -> list[shared.ErasedPlace]:
        """Erase a person; what the database still had of the rows in free pages goes too.

        Returns:
            See `erase_rows`.
        """
        async with self.database.write() as transaction:
            places = await transaction.run(
                erase_rows,
                self.domain,
                self.metadata,
                user_id,
                before=self.before,
                sparing=self.sparing,
            )
        await self._scrub(user_id)
        return places

    async def _scrub(self, user_id: str) -> None:
        """Once for all that was deleted, also by a process that ended before it could."""
        async with self.database.read() as view:
            due = await view.run(erased_people.unscrubbed, user_id)
        if due:
            await self.database.scrub()
            async with self.database.write() as transaction:
                await transaction.run(erased_people.scrubbed, user_id)


def personal_data_servicer(data: PersonalData, messages: Any) -> Any:
    """The servicer of a domain.

    Args:
        messages: the module of the domain's generated `personal_data_service_pb2`.
    """
    return _Servicer(data, messages)


class _Servicer:
    def __init__(self, data: PersonalData, messages: Any) -> None:
        self._data = data
        self._messages = messages

    async def ExportPersonalData(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Everything, in pieces."""
        current = ""
        async for path, content in self._data.export(request.user_id):
            if path != current:
                current = path
                yield self._piece(part=path)
            for first in range(0, len(content), CHUNK_BYTES):
                yield self._piece(content=content[first : first + CHUNK_BYTES])

    async def ErasePersonalData(self, request: Any, context: Any) -> Any:
        """Everything gone."""
        return self._messages.ErasePersonalDataResponse(places=await self._data.erase(request.user_id))

    def _piece(self, **piece: Any) -> Any:
        return self._messages.ExportPersonalDataResponse(piece=shared.PersonalDataPiece(**piece))
