"""What the importer tells of its progress, and is told of files: by a ledger, or by nobody."""

from __future__ import annotations

from typing import Protocol

from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger import Ledger, Spooling
from ingest_edge.importer.metadata import Hint
from ingest_edge.importer.outcome import FileOutcome
from ingest_edge.importer.restoring.facts import ArchivedFacts


class Journal(Protocol):
    """Where the course of an import is noted."""

    async def hint(self, entry: Entry, start_ms: int) -> Hint | None:
        """What is known of a file beside what is in it."""
        ...

    async def archived(self, entry: Entry, facts: ArchivedFacts) -> None:
        """A workout of an archive of ours was read."""
        ...

    async def spooling(self, entry: Entry, read: Spooling) -> None:
        """A file was read and goes into the spool next."""
        ...

    async def done(self, entry: Entry, outcome: FileOutcome) -> None:
        """A file has its outcome."""
        ...


class NoJournal:
    """Notes nothing and knows nothing."""

    async def hint(self, entry: Entry, start_ms: int) -> Hint | None:
        """Nothing is known."""
        return None

    async def archived(self, entry: Entry, facts: ArchivedFacts) -> None:
        """Do nothing."""

    async def spooling(self, entry: Entry, read: Spooling) -> None:
        """Do nothing."""

    async def done(self, entry: Entry, outcome: FileOutcome) -> None:
        """Do nothing."""


class LedgerJournal:
    """Notes the course of one import in the ledger."""

    def __init__(self, ledger: Ledger, job_id: str) -> None:
        self._ledger = ledger
        self._job_id = job_id

    async def hint(self, entry: Entry, start_ms: int) -> Hint | None:
        """What the exports of this import tell."""
        return await self._ledger.hint_for(self._job_id, entry.location, start_ms)

    async def archived(self, entry: Entry, facts: ArchivedFacts) -> None:
        """Note what is to be done with it once it is a workout."""
        await self._ledger.note_archived(self._job_id, entry, facts)

    async def spooling(self, entry: Entry, read: Spooling) -> None:
        """Note it."""
        await self._ledger.note_spooling(self._job_id, entry.ordinal, read)

    async def done(self, entry: Entry, outcome: FileOutcome) -> None:
        """Note it."""
        await self._ledger.note_done(self._job_id, entry.ordinal, outcome)
