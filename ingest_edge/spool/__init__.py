"""The durable spool: what was recorded or imported waits here until the platform has committed it."""

from __future__ import annotations

from ingest_edge.spool.errors import (
    SamplesGone,
    SpoolCorrupt,
    SpoolError,
    SpoolFull,
    SpoolLocked,
    SpoolRefused,
    SpoolWriteFailed,
    UnknownRecording,
)
from ingest_edge.spool.feed import SpoolFeed
from ingest_edge.spool.recording_ids import recording_id_of_digest
from ingest_edge.spool.records import (
    WAITING_STATES,
    NewRecording,
    Original,
    RecordingKind,
    SeenFile,
    SpooledOriginal,
    SpooledRecording,
    SpooledSource,
    SpoolLimits,
    SpoolState,
    SpoolStatus,
    WaitingRecording,
)
from ingest_edge.spool.spool import Spool, open_spool
from ingest_edge.spool.status import read_status

__all__ = [
    "WAITING_STATES",
    "NewRecording",
    "Original",
    "RecordingKind",
    "SamplesGone",
    "SeenFile",
    "Spool",
    "SpoolCorrupt",
    "SpoolError",
    "SpoolFeed",
    "SpoolFull",
    "SpoolLimits",
    "SpoolLocked",
    "SpoolRefused",
    "SpoolState",
    "SpoolStatus",
    "SpoolWriteFailed",
    "SpooledOriginal",
    "SpooledRecording",
    "SpooledSource",
    "UnknownRecording",
    "WaitingRecording",
    "open_spool",
    "read_status",
    "recording_id_of_digest",
]
