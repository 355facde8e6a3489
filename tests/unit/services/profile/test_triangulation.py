"""The attack on privacy zones: many tracks from one door, whose visible ends lie on a circle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.chassis.privacy import Circle
from services.chassis.privacy.tracks import visible_stretches
from services.profile.zones import METRES_PER_DEGREE, circle_of

HOME = (52.5163, 13.3777)
SHRINK = math.cos(math.radians(HOME[0]))
RADIUS_M = 200.0
STEP_M = 2.0


def ends_of_tracks(secret: bytes, tracks: int = 36) -> np.ndarray:  # type: ignore[type-arg]
    """Where others see tracks from home begin: metres north and east of home, shape (tracks, 2)."""
    found = circle_of(secret, *HOME, RADIUS_M)
    circle = Circle(found.latitude_deg, found.longitude_deg, found.radius_m)
    along = np.arange(0, 2000, STEP_M)
    times = (along * 250).astype(np.int64)
    ends = []
    for angle in np.linspace(0, 2 * math.pi, tracks, endpoint=False):
        north, east = along * math.cos(angle), along * math.sin(angle)
        seen = visible_stretches(
            (circle,),
            (0, int(times[-1])),
            times,
            HOME[0] + north / METRES_PER_DEGREE,
            HOME[1] + east / METRES_PER_DEGREE / SHRINK,
        )
        assert seen is not None
        first = int(np.searchsorted(times, seen.starts_ms[0]))
        ends.append((north[first], east[first]))
    return np.array(ends)


def fitted(ends: np.ndarray) -> tuple[float, float, float]:  # type: ignore[type-arg]
    """The circle through points, by least squares (Kasa 1976): north, east, radius."""
    unknowns = np.column_stack((2 * ends, np.ones(len(ends))))
    north, east, rest = np.linalg.lstsq(unknowns, (ends**2).sum(axis=1), rcond=None)[0]
    return float(north), float(east), math.sqrt(rest + north**2 + east**2)


@pytest.mark.parametrize("number", range(4))
def test_fitting_a_circle_to_the_ends_finds_the_circles_middle_and_not_the_door(number: int) -> None:
    secret = bytes([number]) * 32
    found = circle_of(secret, *HOME, RADIUS_M)
    north, east, radius = fitted(ends_of_tracks(secret))
    middle = (
        (found.latitude_deg - HOME[0]) * METRES_PER_DEGREE,
        (found.longitude_deg - HOME[1]) * METRES_PER_DEGREE * SHRINK,
    )
    assert math.dist((north, east), middle) < 5
    assert math.isclose(radius, found.radius_m, abs_tol=5)


def test_the_attackers_best_guess_is_as_far_off_as_chance_in_the_square() -> None:
    off = [
        math.hypot(*fitted(ends_of_tracks(number.to_bytes(32, "little"), 12))[:2]) for number in range(120)
    ]
    side = RADIUS_M * math.sqrt(2)
    by_chance = 0.3826 * side  # mean distance from the middle of a square to a point in it
    assert math.isclose(float(np.mean(off)), by_chance, rel_tol=0.12)
    assert max(off) <= RADIUS_M + 5
