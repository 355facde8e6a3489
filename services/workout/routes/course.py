"""A course: the shape of a way without its times, small enough to be kept beside each workout.

Points lie about `SPACING_M` apart. Stored as a byte that names the format, then zlib over little-endian int32
differences of micro-degrees (about 11 cm), first all latitudes, then all longitudes: some three bytes a
point. The times at which a workout passed the points are stored apart, in the same way, in milliseconds."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.workout.codec.columns import Int64Array
from services.workout.routes.geometry import METRES_PER_DEGREE, Floats, Indices, Plane, along_m, thinned
from services.workout.routes.positions import GpsTrack

SPACING_M = 20.0
"""Twice what receivers usually err by, so that the direction from point to point is real."""

_FORMAT = b"\x01"
_STEPS_PER_DEGREE = 1_000_000
_LARGEST = 64 * 1024 * 1024


class CourseCorrupted(Exception):
    """Bytes that are no stored course."""


@dataclass(frozen=True, slots=True)
class Box:
    """The smallest box around a course, in degrees. East of the 180th meridian longitudes go on growing."""

    south_deg: float
    north_deg: float
    west_deg: float
    east_deg: float

    def widened(self, metres: float) -> Box:
        """The box with a margin."""
        north = metres / METRES_PER_DEGREE
        narrowest = min(max(abs(self.south_deg), abs(self.north_deg)) + north, 89.0)
        east = north / float(np.cos(np.radians(narrowest)))
        return Box(self.south_deg - north, self.north_deg + north, self.west_deg - east, self.east_deg + east)

    def holds(self, other: Box) -> bool:
        """Whether all of the other lies within."""
        return (
            self.south_deg <= other.south_deg
            and other.north_deg <= self.north_deg
            and self.west_deg <= other.west_deg
            and other.east_deg <= self.east_deg
        )


@dataclass(frozen=True)
class Course:
    """A way, in one direction.

    Attributes:
        latitude_deg, longitude_deg: float64, shape (n,), n at least 2.
    """

    latitude_deg: Floats
    longitude_deg: Floats

    def __len__(self) -> int:
        return len(self.latitude_deg)

    @cached_property
    def plane(self) -> Plane:
        """The plane that touches the earth in its middle."""
        return Plane(
            float(self.latitude_deg.min() + self.latitude_deg.max()) / 2, float(np.median(self.longitude_deg))
        )

    def on(self, plane: Plane) -> Floats:
        """Its points in metres, shape (n, 2)."""
        return plane.project(self.latitude_deg, self.longitude_deg)

    @cached_property
    def metres(self) -> Floats:
        """Its points on its own plane, shape (n, 2)."""
        return self.on(self.plane)

    @cached_property
    def along_m(self) -> Floats:
        """How far along each point lies, shape (n,)."""
        return along_m(self.metres)

    @property
    def length_m(self) -> float:
        """From the first to the last point."""
        return float(self.along_m[-1])

    @cached_property
    def box(self) -> Box:
        """What holds all of it."""
        return Box(
            float(self.latitude_deg.min()),
            float(self.latitude_deg.max()),
            float(self.longitude_deg.min()),
            float(self.longitude_deg.max()),
        )


def course_of(track: GpsTrack, spacing_m: float = SPACING_M) -> tuple[Course, Indices]:
    """The course of a track, and the rows of the track that its points are; int64, shape (n,)."""
    rows = thinned(track.metres, spacing_m)
    return course_at(track.metres[rows], track.plane), rows


def course_at(points: Floats, plane: Plane) -> Course:
    """The course of a polyline on a plane, shape (n, 2)."""
    narrowing = float(np.cos(np.radians(plane.latitude_deg)))
    return Course(
        plane.latitude_deg + points[:, 1] / METRES_PER_DEGREE,
        plane.longitude_deg + points[:, 0] / (METRES_PER_DEGREE * narrowing),
    )


def encode_course(course: Course) -> bytes:
    """The course as it is stored."""
    return _packed(
        np.rint(values * _STEPS_PER_DEGREE).astype(np.int64)
        for values in (course.latitude_deg, course.longitude_deg)
    )


def decode_course(payload: bytes) -> Course:
    """A stored course, exact to a micro-degree.

    Raises:
        CourseCorrupted: these bytes were never written by `encode_course`.
    """
    degrees = _unpacked(payload, 2) / _STEPS_PER_DEGREE
    return Course(degrees[0], degrees[1])


def encode_times(times_ms: Int64Array, start_ms: int) -> bytes:
    """When the points of a course were passed, as it is stored: milliseconds after `start_ms`.

    A step of more than 24 days is cut short: a workout does not have any.
    """
    steps = np.clip(np.diff(times_ms - start_ms, prepend=0), -(2**31), 2**31 - 1)
    return _packed([np.cumsum(steps)])


def decode_times(payload: bytes, start_ms: int) -> Int64Array:
    """What `encode_times` stored; int64, shape (n,).

    Raises:
        CourseCorrupted: these bytes were never written by `encode_times`.
    """
    return np.asarray(_unpacked(payload, 1)[0] + start_ms)


def _packed(columns: Iterable[Int64Array]) -> bytes:
    steps = [np.diff(column, prepend=0).astype("<i4") for column in columns]
    return _FORMAT + zlib.compress(b"".join(each.tobytes() for each in steps), 6)


def _unpacked(payload: bytes, columns: int) -> Int64Array:
    if payload[:1] != _FORMAT:
        raise CourseCorrupted("a course of an unknown format")
    try:
        unpacked = zlib.decompressobj().decompress(payload[1:], _LARGEST)
    except zlib.error as error:
        raise CourseCorrupted(str(error)) from None
    if len(unpacked) % (4 * columns) or len(unpacked) < 8 * columns:
        raise CourseCorrupted("half a point")
    steps = np.frombuffer(unpacked, "<i4").astype(np.int64).reshape(columns, -1)
    return np.asarray(np.cumsum(steps, axis=1))
