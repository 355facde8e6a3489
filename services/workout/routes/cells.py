"""The ground in square cells, by which routes are looked up.

A course of any length is described by some dozens of cells: their size grows with its length, by powers of
two. The model of a route is entered under every cell within `MARGIN_M` of it; a course is looked up by a few
cells that it certainly crosses. Noise that carries it over a cell's border therefore does not hide it."""

from __future__ import annotations

import math

import numpy as np

from services.workout.routes.course import Course
from services.workout.routes.geometry import METRES_PER_DEGREE, Floats, Indices, densified

MARGIN_M = 40.0
PROBES = 16
"""A course is looked up by the cells at so many places, spread evenly along it."""

_SMALLEST_M = 100.0
_ACROSS = 32
_LONGER = 1.25
"""Two courses of one route differ in length by less than this factor."""


def level_of(length_m: float) -> int:
    """The size of cell for a course: cells are ``100 m * 2 ** level`` wide, the course about 32 of them
    long."""
    return max(0, math.ceil(math.log2(max(length_m, 1.0) / (_SMALLEST_M * _ACROSS))))


def levels_near(length_m: float) -> list[int]:
    """The levels at which courses of nearly this length are looked up: one to three."""
    return sorted({level_of(length_m / _LONGER), level_of(length_m), level_of(length_m * _LONGER)})


def cells_of_model(course: Course) -> list[int]:
    """All cells near a model, at every level at which it may be looked up; sorted, each once."""
    found: list[Indices] = []
    for level in levels_near(course.length_m):
        size = _size_m(level)
        dense = densified(course.metres, size / 4)
        for east in (-MARGIN_M, 0.0, MARGIN_M):
            for north in (-MARGIN_M, 0.0, MARGIN_M):
                found.append(_cells(course, dense + np.array([east, north]), level))
    return [int(cell) for cell in np.unique(np.concatenate(found))]


def probes(course: Course) -> list[int]:
    """The cells by which a course is looked up: at most `PROBES`, each once."""
    places = np.linspace(0, course.length_m, PROBES)
    at = np.column_stack([np.interp(places, course.along_m, axis) for axis in course.metres.T])
    return sorted({int(cell) for cell in _cells(course, at, level_of(course.length_m))})


def _size_m(level: int) -> float:
    return _SMALLEST_M * float(2**level)


def _cells(course: Course, points: Floats, level: int) -> Indices:
    """The cell of each point on the course's plane: level, row and column in one integer."""
    size_deg = _size_m(level) / METRES_PER_DEGREE
    latitude = course.plane.latitude_deg + points[:, 1] / METRES_PER_DEGREE
    narrowing = math.cos(math.radians(course.plane.latitude_deg))
    longitude = course.plane.longitude_deg + points[:, 0] / (METRES_PER_DEGREE * narrowing)
    rows = np.floor((np.clip(latitude, -90, 90) + 90) / size_deg)
    # Columns of a row are as wide at its southern edge as it is high.
    widths = size_deg / np.maximum(np.cos(np.radians(rows * size_deg - 90)), 1e-3)
    columns = np.floor(np.mod(longitude + 180, 360) / widths)
    return np.asarray((level << 48) + rows.astype(np.int64) * (1 << 24) + columns.astype(np.int64))
