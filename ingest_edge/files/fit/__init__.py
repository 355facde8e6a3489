"""Our own FIT decoder: whole columns at a time."""

from __future__ import annotations

from ingest_edge.files.fit.columns import Column
from ingest_edge.files.fit.content import FitContent, MessageTable
from ingest_edge.files.fit.reader import read_fit

__all__ = ["Column", "FitContent", "MessageTable", "read_fit"]
