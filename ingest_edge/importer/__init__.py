"""From device files to finished recordings in the spool, and what became of each."""

from __future__ import annotations

from ingest_edge.importer.find import find_files
from ingest_edge.importer.importer import Importer
from ingest_edge.importer.job import JobRunner, Watcher
from ingest_edge.importer.journal import Journal
from ingest_edge.importer.ledger import Job, JobRuns, JobState, Ledger, UnknownJob, open_ledger
from ingest_edge.importer.outcome import BAD, FileOutcome, FileStage, FileStatus, OnProgress
from ingest_edge.importer.restoration import OpenClient
from ingest_edge.importer.restoring import Step, StepKind, StepStatus
from ingest_edge.importer.translation import ImportedRecording, recording_of

__all__ = [
    "BAD",
    "FileOutcome",
    "FileStage",
    "FileStatus",
    "ImportedRecording",
    "Importer",
    "Job",
    "JobRunner",
    "JobRuns",
    "JobState",
    "Journal",
    "Ledger",
    "OnProgress",
    "OpenClient",
    "Step",
    "StepKind",
    "StepStatus",
    "UnknownJob",
    "Watcher",
    "find_files",
    "open_ledger",
    "recording_of",
]
