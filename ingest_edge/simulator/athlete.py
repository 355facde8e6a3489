"""A plausible athlete: how power becomes speed, how the heart follows, and a made-up course to move on.

Everything is deterministic: what is random comes from the generator that the caller hands in. The models
advance in steps, so that they serve live sensors as well as whole files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

GRAVITY_MPS2 = 9.80665
AIR_DENSITY_KGPM3 = 1.2
EARTH_RADIUS_M = 6_371_000.0

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Athlete:
    """What makes one athlete's numbers differ from another's. The defaults are a trained amateur's."""

    mass_kg: float = 72.0
    bicycle_mass_kg: float = 8.5
    drag_area_m2: float = 0.32
    rolling_resistance: float = 0.0045
    drivetrain_efficiency: float = 0.97
    functional_threshold_power_w: float = 255.0
    threshold_speed_mps: float = 3.9
    resting_heart_rate_bpm: float = 48.0
    threshold_heart_rate_bpm: float = 168.0
    maximum_heart_rate_bpm: float = 187.0
    left_share: float = 0.49


@dataclass(slots=True)
class BicycleMotion:
    """Speed and distance of a rider from power and slope.

    Forces: air drag ½ρCdAv², rolling resistance Crr·m·g·cosθ and gravity m·g·sinθ (Martin et al., 1998,
    "Validation of a mathematical model for road cycling power"), integrated by the energy of each step.
    """

    athlete: Athlete
    speed_mps: float = 0.0
    distance_m: float = 0.0

    def advance(
        self, power_w: float, slope: float = 0.0, step_s: float = 1.0, *, braking: bool = False
    ) -> float:
        """One step; returns the speed in m/s. `slope` is rise over run; `braking` slows by 2 m/s²."""
        mass = self.athlete.mass_kg + self.athlete.bicycle_mass_kg
        if braking:
            self.speed_mps = max(0.0, self.speed_mps - 2.0 * step_s)
        else:
            work = (
                power_w * self.athlete.drivetrain_efficiency - self._resisting_power_w(slope, mass)
            ) * step_s
            self.speed_mps = math.sqrt(max(0.0, self.speed_mps**2 + 2 * work / mass))
        self.distance_m += self.speed_mps * step_s
        return self.speed_mps

    def _resisting_power_w(self, slope: float, mass: float) -> float:
        cosine = 1 / math.sqrt(1 + slope * slope)
        drag = 0.5 * AIR_DENSITY_KGPM3 * self.athlete.drag_area_m2 * self.speed_mps**2
        # Nobody rides faster than 80 km/h downhill: beyond 18 m/s the brakes take the rest.
        brakes = 60.0 * max(0.0, self.speed_mps - 18.0)
        rolling = mass * GRAVITY_MPS2 * cosine * (self.athlete.rolling_resistance + slope)
        # Power is force times speed, which would hold whoever stands for ever: count from a push-off.
        return (drag + rolling + brakes) * max(self.speed_mps, 0.5)


@dataclass(slots=True)
class HeartRate:
    """Heart rate that follows effort: fast up, slowly down, with the drift of a long day and some noise.

    Effort 1.0 is the threshold. First order, time constants of 25 s up and 45 s down; cardiac drift of 3 % an
    hour at threshold.
    """

    athlete: Athlete
    random: np.random.Generator
    bpm: float = 0.0
    _drift: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.bpm = self.bpm or self.athlete.resting_heart_rate_bpm + 25

    def advance(self, effort: float, step_s: float = 1.0) -> float:
        """One step; returns beats a minute."""
        athlete = self.athlete
        self._drift += 0.03 * effort * step_s / 3600
        reserve = athlete.threshold_heart_rate_bpm - athlete.resting_heart_rate_bpm
        share = 0.28 + 0.72 * effort if effort > 0 else 0.2
        target = athlete.resting_heart_rate_bpm + reserve * share * (1 + self._drift)
        target = min(target, athlete.maximum_heart_rate_bpm)
        constant_s = 25.0 if target > self.bpm else 45.0
        self.bpm += (target - self.bpm) * (1 - math.exp(-step_s / constant_s))
        self.bpm += float(self.random.normal(0.0, 0.25)) * math.sqrt(step_s)
        self.bpm = min(max(self.bpm, athlete.resting_heart_rate_bpm), athlete.maximum_heart_rate_bpm)
        return self.bpm


class Loop:
    """A closed course around a centre, never crossing itself, with hills. Invented; no road runs there.

    Positions and heights are functions of the distance travelled; the loop starts again at its end.
    """

    def __init__(
        self,
        random: np.random.Generator,
        length_m: float,
        *,
        centre_deg: tuple[float, float] = (46.55, 7.35),
        base_altitude_m: float = 560.0,
        hill_m: float = 60.0,
    ) -> None:
        self.length_m = length_m
        self._base_altitude_m = base_altitude_m
        waves = np.arange(1, 7)
        self._heights = hill_m * random.uniform(0.4, 1.0, waves.size) / waves**1.3
        self._phases = random.uniform(0, 2 * np.pi, waves.size)
        self._waves = waves
        self._distance, self._latitude, self._longitude = _outline(random, length_m, centre_deg)

    def position_deg(self, distance_m: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Latitude and longitude at these distances, shape (n,)."""
        along = np.mod(distance_m, self.length_m)
        return (
            np.interp(along, self._distance, self._latitude),
            np.interp(along, self._distance, self._longitude),
        )

    def altitude_m(self, distance_m: Float64Array) -> Float64Array:
        """Height above sea at these distances, shape (n,)."""
        angles = 2 * np.pi * np.multiply.outer(distance_m / self.length_m, self._waves) + self._phases
        height: Float64Array = self._base_altitude_m + np.sin(angles) @ self._heights
        return height

    def slope(self, distance_m: float) -> float:
        """Rise over run at a distance."""
        rate = 2 * np.pi * self._waves / self.length_m
        return float(np.sum(self._heights * rate * np.cos(rate * distance_m + self._phases)))


def _outline(
    random: np.random.Generator, length_m: float, centre_deg: tuple[float, float]
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Distance, latitude and longitude along a wobbly circle, scaled so that its length is right."""
    angle = np.linspace(0, 2 * np.pi, 4001)
    radius = np.ones_like(angle)
    for wave in range(2, 7):
        radius += random.uniform(0.03, 0.30) / wave * np.cos(wave * angle + random.uniform(0, 2 * np.pi))
    north, east = radius * np.sin(angle), radius * np.cos(angle)
    distance = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(north), np.diff(east)))])
    scale = length_m / distance[-1]
    latitude = centre_deg[0] + np.degrees(north * scale / EARTH_RADIUS_M)
    longitude = centre_deg[1] + np.degrees(
        east * scale / (EARTH_RADIUS_M * math.cos(math.radians(centre_deg[0])))
    )
    return distance * scale, latitude, longitude


def wandering(random: np.random.Generator, size: int, *, spread: float, memory_s: float) -> Float64Array:
    """Noise that remembers, shape (size,): AR(1), one step a second, of standard deviation `spread`."""
    keep = math.exp(-1 / memory_s)
    kicks = random.normal(0.0, spread * math.sqrt(1 - keep * keep), size)
    values = np.empty(size)
    value = float(random.normal(0.0, spread))
    for index, kick in enumerate(kicks.tolist()):
        value = keep * value + kick
        values[index] = value
    return values
