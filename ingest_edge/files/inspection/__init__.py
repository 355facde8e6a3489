"""What is in a device file, for people and for programs that compare."""

from __future__ import annotations

from ingest_edge.files.inspection.inspect import READERS, inspect_source, unreadable
from ingest_edge.files.inspection.report import Channel, Inspection
from ingest_edge.files.inspection.stillness import Stillness

__all__ = ["READERS", "Channel", "Inspection", "Stillness", "inspect_source", "unreadable"]
