"""From what sensors report to samples in the spool."""

from __future__ import annotations

from ingest_edge.recorder.live import LiveNumbers, LiveSensor, LiveValue
from ingest_edge.recorder.recorder import Recorded, RecordedSource, Recorder, RecorderSettings

__all__ = [
    "LiveNumbers",
    "LiveSensor",
    "LiveValue",
    "Recorded",
    "RecordedSource",
    "Recorder",
    "RecorderSettings",
]
