"""From device files to finished recordings in the spool, and what became of each."""

from __future__ import annotations

from ingest_edge.importer.find import find_files
from ingest_edge.importer.importer import Importer
from ingest_edge.importer.outcome import FileOutcome, FileStage, FileStatus, OnProgress
from ingest_edge.importer.translation import ImportedRecording, recording_of

__all__ = [
    "FileOutcome",
    "FileStage",
    "FileStatus",
    "ImportedRecording",
    "Importer",
    "OnProgress",
    "find_files",
    "recording_of",
]
