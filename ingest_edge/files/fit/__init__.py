"""Our own FIT decoder: whole columns at a time."""

from __future__ import annotations

from ingest_edge.files.fit.columns import Column
from ingest_edge.files.fit.content import FitContent, MessageTable
from ingest_edge.files.fit.heart_rate import merged_heart_rate
from ingest_edge.files.fit.reader import read_fit
from ingest_edge.files.fit.times import full_timestamps

__all__ = ["Column", "FitContent", "MessageTable", "full_timestamps", "merged_heart_rate", "read_fit"]
