"""The SQL of ingest: opening a recording, committing batches, completing sources.

Every function takes a connection inside a write transaction and never commits. The
source's row is the lock of its sequence: opening raises its epoch, and a commit of an
older epoch is refused, so that of two writers of one source the older is fenced.
"""

from services.workout.ingest.store.committing import Commit, CommitOutcome, commit_batches
from services.workout.ingest.store.finishing import Finished, FinishOutcome, finish_sources
from services.workout.ingest.store.opening import (
    OpenedRecording,
    OpenedSource,
    Opening,
    open_recording,
    open_recordings,
)

__all__ = [
    "Commit",
    "CommitOutcome",
    "FinishOutcome",
    "Finished",
    "OpenedRecording",
    "OpenedSource",
    "Opening",
    "commit_batches",
    "finish_sources",
    "open_recording",
    "open_recordings",
]
