"""The book of imports: what is to be imported, how far each import is, and what became of each file."""

from __future__ import annotations

from ingest_edge.importer.ledger.ledger import Ledger, open_ledger
from ingest_edge.importer.ledger.lock import JobLock, JobRuns
from ingest_edge.importer.ledger.records import (
    ArchivedFile,
    Job,
    JobFile,
    JobState,
    Progress,
    Spooling,
    UnknownJob,
)

__all__ = [
    "ArchivedFile",
    "Job",
    "JobFile",
    "JobLock",
    "JobRuns",
    "JobState",
    "Ledger",
    "Progress",
    "Spooling",
    "UnknownJob",
    "open_ledger",
]
