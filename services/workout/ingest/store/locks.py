"""What every transaction of ingest locks, and in which order."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from pulsemesh.workout.v1 import recording_pb2
from services.workout.tables import recordings, sources

ACCEPTING = (recording_pb2.RECORDING_STATE_OPEN, recording_pb2.RECORDING_STATE_FINISHING)
"""The states in which a recording takes samples."""

# Sources are locked before their recording, and in the order of their keys: everywhere in
# this service, so that two transactions never wait for each other in a circle.
LOCK_SOURCES = (
    select(sources)
    .where(sources.c.recording_pk == bindparam("of_recording"))
    .order_by(sources.c.source_pk)
    .with_for_update()
)

LOCK_RECORDING = (
    select(recordings).where(recordings.c.recording_pk == bindparam("of_recording")).with_for_update()
)
