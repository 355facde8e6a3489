"""The steps that every workout goes through, in the order in which they are stored."""

from __future__ import annotations

from services.workout.analysis.measuring import MeasuringStep
from services.workout.analysis.steps import WorkoutStep
from services.workout.analysis.summarising import SummarisingStep

STEPS: tuple[WorkoutStep, ...] = (SummarisingStep(), MeasuringStep())
