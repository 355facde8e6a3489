"""The tables that the workout service owns, a module for each concern."""

from services.workout.tables.base import metadata
from services.workout.tables.recordings import (
    answers,
    chunks,
    file_parts,
    files,
    journal,
    recordings,
    sources,
    workouts,
)

__all__ = [
    "answers",
    "chunks",
    "file_parts",
    "files",
    "journal",
    "metadata",
    "recordings",
    "sources",
    "workouts",
]
