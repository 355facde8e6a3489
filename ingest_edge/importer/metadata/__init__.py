"""What an account's export tells of its files: titles, descriptions, gear, kinds of sport."""

from __future__ import annotations

from ingest_edge.importer.metadata.hint import Hint, described
from ingest_edge.importer.metadata.reading import hints_of

__all__ = ["Hint", "described", "hints_of"]
