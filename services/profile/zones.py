"""From a privacy zone to the circle that is cut out of what others see. Pure.

Whoever sees many tracks end at a circle can measure the circle: its middle and its radius are public. So its
middle must say nothing of the zone's centre beyond what the zone's size says anyway. It is the middle of a
square in a lattice whose position only the platform knows: all centres within one square have one circle. The
square's side is the radius times the square root of two, so the middle is never farther from the centre than
the radius, and a circle of twice the radius covers all that lies within the radius of the centre.

Measuring the circle, however often and exactly, therefore tells the square and nothing of where in it the
centre is. Deleting a zone and making it again, or moving it a little, gives the same circle: there is no
second measurement that could be cut with the first. Other radii have other lattices, so radii are rounded up
to one of a few.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass

METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180
"""Of latitude, on the sphere."""

RADII_M = (200.0, 300.0, 500.0, 800.0, 1300.0, 2000.0)

_NARROWEST = 0.01
_PHASE_BITS = 64


@dataclass(frozen=True, slots=True)
class ZoneCircle:
    """A middle in degrees, and a radius in metres."""

    latitude_deg: float
    longitude_deg: float
    radius_m: float


def circle_of(secret: bytes, latitude_deg: float, longitude_deg: float, radius_m: float) -> ZoneCircle:
    """The circle of a zone.

    Args:
        secret: of the person, always the same.
    """
    radius_m = next((size for size in RADII_M if size >= radius_m), RADII_M[-1])
    side_m = radius_m * math.sqrt(2)
    rows, columns = _phases(secret, radius_m)
    step_deg = side_m / METRES_PER_DEGREE
    latitude = _middle(latitude_deg, step_deg, rows)
    # By the row's own latitude, so that it is the same for all of the row.
    shrink = max(math.cos(math.radians(min(abs(latitude), 90.0))), _NARROWEST)
    longitude = _middle(longitude_deg, step_deg / shrink, columns)
    return ZoneCircle(
        round(max(-90.0, min(90.0, latitude)), 7), round((longitude + 180) % 360 - 180, 7), 2 * radius_m
    )


def _middle(value: float, step: float, phase: float) -> float:
    return (math.floor(value / step - phase) + phase + 0.5) * step


def _phases(secret: bytes, radius_m: float) -> tuple[float, float]:
    """Where the lattice of this radius lies: two numbers from 0 to 1."""
    digest = hmac.digest(secret, b"privacy zone\0" + repr(float(radius_m)).encode(), hashlib.sha256)
    parts = (digest[:8], digest[8:16])
    first, second = (int.from_bytes(part, "big") / 2**_PHASE_BITS for part in parts)
    return first, second
