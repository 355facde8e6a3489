"""The tables that the workout service owns, a module for each concern."""

from services.workout.tables.analysis import analyses, analysis_jobs, recomputations
from services.workout.tables.athletes import (
    athletes,
    curves,
    efforts,
    loads,
    records,
    threshold_versions,
    thresholds,
)
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
from services.workout.tables.revisions import (
    derivation_members,
    derivations,
    duplicates,
    overviews,
    recorded_chunks,
    revisions,
)
from services.workout.tables.routes import route_cells, routes, tracks
from services.workout.tables.segments import segment_efforts, segments
from services.workout.tables.sharing import sharing_secrets, workout_privacy

__all__ = [
    "analyses",
    "analysis_jobs",
    "answers",
    "athletes",
    "chunks",
    "curves",
    "derivation_members",
    "derivations",
    "duplicates",
    "efforts",
    "file_parts",
    "files",
    "journal",
    "loads",
    "metadata",
    "overviews",
    "recomputations",
    "recorded_chunks",
    "recordings",
    "records",
    "revisions",
    "route_cells",
    "routes",
    "segment_efforts",
    "segments",
    "sharing_secrets",
    "sources",
    "threshold_versions",
    "thresholds",
    "tracks",
    "workout_privacy",
    "workouts",
]
