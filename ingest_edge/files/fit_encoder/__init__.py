"""Writes FIT files: activities, courses, planned workouts, or any message of the profile."""

from ingest_edge.files.fit_encoder.activities import write_activity
from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.definitions import DeveloperFitField, FitDefinition, FitField
from ingest_edge.files.fit_encoder.layout import FileLayout
from ingest_edge.files.fit_encoder.writer import FitWriter

__all__ = [
    "BaseType",
    "DeveloperFitField",
    "FileLayout",
    "FitDefinition",
    "FitField",
    "FitWriter",
    "write_activity",
]
