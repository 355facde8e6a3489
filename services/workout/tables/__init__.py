"""The tables that the workout service owns, a module for each concern."""

from services.workout.tables.analysis import analyses, analysis_jobs, recomputations
from services.workout.tables.athletes import athletes, curves, efforts, loads, records, thresholds
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
    "analyses",
    "analysis_jobs",
    "answers",
    "athletes",
    "chunks",
    "curves",
    "efforts",
    "file_parts",
    "files",
    "journal",
    "loads",
    "metadata",
    "recomputations",
    "recordings",
    "records",
    "sources",
    "thresholds",
    "workouts",
]
