"""Several workouts into one. Pure, and not for the event loop."""

from services.workout.revisions.merging.clocks import FoundOffset, find_offset
from services.workout.revisions.merging.joining import Input, merge

__all__ = ["FoundOffset", "Input", "find_offset", "merge"]
