"""The work on a workout after it was closed or changed: what waits, what is done, and by whom."""

from services.workout.analysis.queue import enqueue

__all__ = ["enqueue"]
