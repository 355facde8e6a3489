"""The encoder of activities under the name that the simulator's users know."""

from __future__ import annotations

from ingest_edge.files.fit_encoder.activities import write_activity
from ingest_edge.files.fit_encoder.clock import fit_seconds
from ingest_edge.files.fit_encoder.layout import FileLayout

__all__ = ["FileLayout", "fit_seconds", "write_activity"]
