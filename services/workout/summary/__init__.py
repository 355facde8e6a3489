"""The numbers of a workout, in pure numpy."""

from services.workout.summary.channels import ChannelRange
from services.workout.summary.parts import Lap, Length, Part, Totals, WorkoutSummary
from services.workout.summary.stretch import Track
from services.workout.summary.workout import build_track, summarise, summarise_track

__all__ = [
    "ChannelRange",
    "Lap",
    "Length",
    "Part",
    "Totals",
    "Track",
    "WorkoutSummary",
    "build_track",
    "summarise",
    "summarise_track",
]
