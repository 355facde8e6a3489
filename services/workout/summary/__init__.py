"""The numbers of a workout, in pure numpy."""

from services.workout.summary.channels import ChannelRange
from services.workout.summary.parts import Lap, Length, Part, Totals, WorkoutSummary
from services.workout.summary.workout import summarise

__all__ = ["ChannelRange", "Lap", "Length", "Part", "Totals", "WorkoutSummary", "summarise"]
