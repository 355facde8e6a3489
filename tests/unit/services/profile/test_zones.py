"""What a circle tells of the zone that it was made of."""

from __future__ import annotations

import math
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.privacy import Circle
from services.chassis.privacy.tracks import distance_m
from services.profile.zones import METRES_PER_DEGREE, RADII_M, circle_of

SECRETS = st.binary(min_size=32, max_size=32)
RADII = st.floats(200, 2000)
_HOME = (52.5163, 13.3777)


def moved(latitude: float, longitude: float, north_m: float, east_m: float) -> tuple[float, float]:
    shrink = math.cos(math.radians(latitude))
    return latitude + north_m / METRES_PER_DEGREE, longitude + east_m / METRES_PER_DEGREE / shrink


def apart(secret: bytes, place: tuple[float, float], radius_m: float) -> float:
    circle = circle_of(secret, *place, radius_m)
    middle = Circle(circle.latitude_deg, circle.longitude_deg, 0)
    return float(distance_m(middle, np.array([place[0]]), np.array([place[1]]))[0])


@given(SECRETS, st.floats(-84, 84), st.floats(-180, 180), RADII)
@settings(max_examples=300)
def test_everything_within_the_radius_is_within_the_circle(
    secret: bytes, latitude: float, longitude: float, radius_m: float
) -> None:
    circle = circle_of(secret, latitude, longitude, radius_m)
    distance = apart(secret, (latitude, longitude), radius_m)
    assert distance + radius_m <= circle.radius_m * 1.001 + 0.1


@given(SECRETS, RADII)
def test_a_zone_made_again_has_the_same_circle(secret: bytes, radius_m: float) -> None:
    assert circle_of(secret, *_HOME, radius_m) == circle_of(secret, *_HOME, radius_m)


def test_radii_that_are_nearly_equal_give_no_second_measurement() -> None:
    circles = {circle_of(b"s" * 32, *_HOME, float(radius)) for radius in range(200, 2001)}
    assert len(circles) == len(RADII_M)


def test_all_places_of_a_square_have_one_circle_so_that_measuring_it_tells_no_more() -> None:
    """The attack: whoever fits the circle through many cut ends knows its middle, and no more than that.

    The places that have this circle fill a square about its middle evenly: the best guess of the centre is
    the middle, and it is off as far as any guess within the square is.
    """
    secret, radius_m = b"k" * 32, 200.0
    home = circle_of(secret, *_HOME, radius_m)
    random.seed(1)
    steps = [(random.uniform(-300, 300), random.uniform(-300, 300)) for _ in range(4000)]
    places = [moved(home.latitude_deg, home.longitude_deg, *step) for step in steps]
    alike = [
        step for step, place in zip(steps, places, strict=True) if circle_of(secret, *place, radius_m) == home
    ]
    side = radius_m * math.sqrt(2)
    north, east = np.array(alike).T
    assert abs(north.mean()) < side / 15
    assert abs(east.mean()) < side / 15
    assert math.isclose(np.ptp(north), side, rel_tol=0.02)
    assert math.isclose(np.ptp(east), side, rel_tol=0.02)
    assert math.isclose(len(alike) / len(steps), side**2 / 600**2, rel_tol=0.1)


def test_over_all_secrets_the_centre_is_anywhere_in_the_square() -> None:
    """Nobody who does not know the secret can tell the direction from the middle to the centre."""
    secrets = [number.to_bytes(32, "big") for number in range(800)]
    circles = [circle_of(secret, *_HOME, 200.0) for secret in secrets]
    north = np.array([(circle.latitude_deg - _HOME[0]) * METRES_PER_DEGREE for circle in circles])
    half = 200 * math.sqrt(2) / 2
    counted, _ = np.histogram(north, bins=8, range=(-half, half))
    assert counted.sum() == len(secrets)
    assert counted.min() > 60
    assert counted.max() < 150
