"""The `PersonalDataService` that every domain with tables serves."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import MetaData

from pulsemesh.type.v1 import personal_data_pb2 as shared
from services.chassis.database import Database
from services.chassis.personal_data.erasing import Eraser, erase_rows
from services.chassis.personal_data.exporting import export_rows

CHUNK_BYTES = 256 * 1024

Extra = Callable[[str], AsyncIterator[tuple[str, bytes]]]
"""What a domain hands over beside its rows: paths within the export and pieces of their content."""

AfterErasure = Callable[[str], Awaitable[Sequence[shared.ErasedPlace]]]
"""What a domain erases outside its database, once the rows are gone."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a domain answers with.

    Attributes:
        domain: its name.
        metadata: its annotated tables.
        extra: see `Extra`.
        before: see `Eraser`.
        after: see `AfterErasure`.
        expiring: tables whose rows go by themselves, and what is said of when.
    """

    domain: str
    metadata: MetaData
    database: Database
    extra: Extra | None = None
    before: Eraser | None = None
    after: AfterErasure | None = None
    expiring: Mapping[str, str] = field(default_factory=dict)

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
        """Everything of a person, as paths and pieces of content."""
        async for path, content in export_rows(self.database, self.domain, self.metadata, user_id):
            yield path, content
        if self.extra is not None:
            async for path, content in self.extra(user_id):
                yield path, content

    async def erase(self, user_id: str) -> list[shared.ErasedPlace]:
        """Erase a person; what the database still had of the rows in free pages goes too."""
        async with self.database.write() as transaction:
            places = await transaction.run(
                erase_rows,
                self.domain,
                self.metadata,
                user_id,
                before=self.before,
                expiring=self.expiring,
            )
        if any(place.count for place in places):
            await self.database.scrub()
        if self.after is not None:
            places += await self.after(user_id)
        return places


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
