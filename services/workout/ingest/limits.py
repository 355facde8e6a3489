"""What the ingest service grants each session."""

from __future__ import annotations

from dataclasses import replace

from pulsemesh.ingest.machine import Limits
from services.workout.settings import WorkoutSettings

UNARY_CREDIT = 64
"""As many batches as the contract allows in one `AppendSamples`."""


def stream_limits(settings: WorkoutSettings) -> Limits:
    """What a stream is granted; sixteen batches on their way keep a committer with 20 ms of linger busy."""
    return Limits(credit=settings.ingest_credit, heartbeat_interval_s=settings.heartbeat_interval_s)


def unary_limits(settings: WorkoutSettings) -> Limits:
    """What one `AppendSamples` is granted."""
    return replace(stream_limits(settings), credit=UNARY_CREDIT)
