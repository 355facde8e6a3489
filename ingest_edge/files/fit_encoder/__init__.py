"""Writes FIT files: activities, courses, planned workouts, or any message of the profile."""

from ingest_edge.files.fit_encoder.activities import write_activity
from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.courses import Course, CoursePoint, write_course
from ingest_edge.files.fit_encoder.definitions import DeveloperFitField, FitDefinition, FitField
from ingest_edge.files.fit_encoder.layout import FileLayout
from ingest_edge.files.fit_encoder.named import NamedWriter
from ingest_edge.files.fit_encoder.plans import Repeat, Step, WorkoutPlan, write_workout_plan
from ingest_edge.files.fit_encoder.writer import FitWriter

__all__ = [
    "BaseType",
    "Course",
    "CoursePoint",
    "DeveloperFitField",
    "FileLayout",
    "FitDefinition",
    "FitField",
    "FitWriter",
    "NamedWriter",
    "Repeat",
    "Step",
    "WorkoutPlan",
    "write_activity",
    "write_course",
    "write_workout_plan",
]
