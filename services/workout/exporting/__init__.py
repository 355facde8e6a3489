"""Workouts as files: one in a format of choice, or all of them in one archive."""

from services.workout.exporting.archive import export_archive
from services.workout.exporting.single import export_workout

__all__ = ["export_archive", "export_workout"]
