"""The steps that every workout goes through, in the order in which they are stored."""

from __future__ import annotations

from services.workout.analysis.measuring import MeasuringStep
from services.workout.analysis.steps import WorkoutStep
from services.workout.analysis.summarising import SummarisingStep
from services.workout.duplicates.step import DuplicateStep
from services.workout.routes.step import RouteStep
from services.workout.segments.step import SegmentStep

STEPS: tuple[WorkoutStep, ...] = (
    SummarisingStep(),
    MeasuringStep(),
    DuplicateStep(),
    RouteStep(),
    SegmentStep(),
)
