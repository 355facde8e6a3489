"""Workouts as other people see them: the one door."""
