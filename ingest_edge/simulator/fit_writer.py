"""The FIT encoder under the name that the simulator's users know."""

from __future__ import annotations

from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.definitions import Endian, FitDefinition, FitField, Value
from ingest_edge.files.fit_encoder.writer import Checksum, FitWriter

__all__ = ["BaseType", "Checksum", "Endian", "FitDefinition", "FitField", "FitWriter", "Value"]
