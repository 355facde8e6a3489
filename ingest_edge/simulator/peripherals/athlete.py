"""A rider and a runner to feed simulated sensors: plausible, repeatable, no more.

Power follows a script with noise; speed follows from power by the equation of motion of a bicycle on the
flat; the heart rate lags behind power (first order, faster up than down); the RR intervals carry respiratory
sinus arrhythmia that shrinks with effort.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

STEP_S = 0.05
AIR_DENSITY_KG_PER_M3 = 1.2
GRAVITY_M_PER_S2 = 9.81
HEART_RATE_RISE_S = 25.0
HEART_RATE_FALL_S = 45.0
NOISE_MEMORY_S = 3.0
BEATS_AVERAGED = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """A part of a ride: its length in seconds, mean power in watts and mean cadence in rpm."""

    duration_s: float
    power_w: float
    cadence_rpm: float = 88.0


DEFAULT_RIDE = (
    Effort(60, 140, 84),
    Effort(90, 220, 92),
    Effort(30, 90, 75),
    Effort(60, 290, 96),
    Effort(20, 0, 0),
)
"""Warm up, steady, easy, hard, coast: four minutes and a half, then again."""


@dataclass(slots=True)
class Rotation:
    """A wheel or crank that turns: full turns, and the moment of the last one in seconds."""

    phase_turns: float = 0.0
    revolutions: int = 0
    last_event_s: float = 0.0

    def turn(self, rate_hz: float, now_s: float, step_s: float) -> None:
        """Turn on for a step that ends at ``now_s``."""
        self.phase_turns += rate_hz * step_s
        full = math.floor(self.phase_turns)
        if full > self.revolutions:
            self.revolutions = full
            self.last_event_s = now_s - (self.phase_turns - full) / rate_hz


class Heart:
    """A heart that follows an effort between 0 (rest) and 1 (maximum); see the module's text."""

    def __init__(self, generator: random.Random, resting_bpm: float, maximum_bpm: float) -> None:
        self._random = generator
        self._resting_bpm = resting_bpm
        self._range_bpm = maximum_bpm - resting_bpm
        self._rate_bpm = resting_bpm + 0.1 * self._range_bpm
        self._next_beat_s = 0.5
        self._recent_s: deque[float] = deque([60 / self._rate_bpm], maxlen=BEATS_AVERAGED)
        self.rr_intervals_s: list[float] = []

    @property
    def rate_bpm(self) -> float:
        """The rate that a strap shows: over the last few beats."""
        return 60 * len(self._recent_s) / sum(self._recent_s)

    def beat(self, effort: float, now_s: float) -> None:
        """Carry the heart over one step that ends at ``now_s``."""
        target_bpm = self._resting_bpm + self._range_bpm * min(1.0, max(0.0, effort))
        lag_s = HEART_RATE_RISE_S if target_bpm > self._rate_bpm else HEART_RATE_FALL_S
        self._rate_bpm += (target_bpm - self._rate_bpm) * STEP_S / lag_s
        while self._next_beat_s <= now_s:
            interval_s = self._interval_s(self._next_beat_s)
            self.rr_intervals_s.append(interval_s)
            self._recent_s.append(interval_s)
            self._next_beat_s += interval_s

    def _interval_s(self, now_s: float) -> float:
        intensity = (self._rate_bpm - self._resting_bpm) / self._range_bpm
        breathing_hz = 0.25 + 0.4 * intensity
        arrhythmia = (0.05 * (1 - intensity) ** 2 + 0.003) * math.sin(2 * math.pi * breathing_hz * now_s)
        return 60 / self._rate_bpm * (1 + arrhythmia + self._random.gauss(0, 0.004))


class Athlete:
    """A rider on a bicycle. Sensors share one rider, so that their signals belong together.

    Args:
        ride: efforts, repeated without end.
        seed: of the noise; equal seeds give equal rides.
        threshold_power_w: power at which the heart reaches about 85 % of its reserve.
        resting_bpm: resting heart rate.
        maximum_bpm: maximum heart rate.
        system_mass_kg: rider and bicycle.
        wheel_circumference_m: distance of one turn of the wheel.
    """

    def __init__(
        self,
        ride: Sequence[Effort] = DEFAULT_RIDE,
        *,
        seed: int = 1,
        threshold_power_w: float = 260.0,
        resting_bpm: float = 52.0,
        maximum_bpm: float = 188.0,
        system_mass_kg: float = 82.0,
        wheel_circumference_m: float = 2.105,
    ) -> None:
        self._ride = tuple(ride)
        self._ride_s = sum(effort.duration_s for effort in ride)
        if self._ride_s <= 0:
            raise ValueError("a ride takes time")
        self._random = random.Random(seed)
        self._threshold_power_w = threshold_power_w
        self._mass_kg = system_mass_kg
        self._circumference_m = wheel_circumference_m
        self._noise = 0.0
        self._steps = 0
        self.heart = Heart(self._random, resting_bpm, maximum_bpm)
        self.wheel = Rotation()
        self.crank = Rotation()
        self.power_w = 0.0
        self.cadence_rpm = 0.0
        self.speed_m_per_s = 0.0
        self.distance_m = 0.0
        self.work_j = 0.0

    def advance_to(self, elapsed_s: float) -> None:
        """Carry the rider on to ``elapsed_s`` seconds after the start; the past stays as it was."""
        while (self._steps + 1) * STEP_S <= elapsed_s:
            self._steps += 1
            self._step(self._steps * STEP_S)

    def _step(self, now_s: float) -> None:
        effort = self._effort_at(now_s % self._ride_s)
        self._noise += -self._noise * STEP_S / NOISE_MEMORY_S + self._random.gauss(0, 0.05) * math.sqrt(
            2 * STEP_S / NOISE_MEMORY_S
        )
        lag = STEP_S / 1.5
        self.power_w += (effort.power_w * (1 + self._noise) - self.power_w) * lag
        self.cadence_rpm += (effort.cadence_rpm * (1 + self._noise / 4) - self.cadence_rpm) * lag
        if effort.cadence_rpm == 0 and self.cadence_rpm < 20:
            # Legs stop; they do not fade out.
            self.cadence_rpm = self.power_w = 0.0
        self._move()
        self.work_j += self.power_w * STEP_S
        self.crank.turn(self.cadence_rpm / 60, now_s, STEP_S)
        self.wheel.turn(self.speed_m_per_s / self._circumference_m, now_s, STEP_S)
        self.heart.beat(0.12 + 0.73 * self.power_w / self._threshold_power_w, now_s)

    def _move(self) -> None:
        speed = self.speed_m_per_s
        drag_n = 0.5 * AIR_DENSITY_KG_PER_M3 * 0.32 * speed**2
        rolling_n = 0.004 * self._mass_kg * GRAVITY_M_PER_S2
        push_n = 0.97 * self.power_w / max(speed, 1.0)
        self.speed_m_per_s = max(0.0, speed + (push_n - drag_n - rolling_n) / self._mass_kg * STEP_S)
        self.distance_m += self.speed_m_per_s * STEP_S

    def _effort_at(self, position_s: float) -> Effort:
        for effort in self._ride:
            if position_s < effort.duration_s:
                return effort
            position_s -= effort.duration_s
        return self._ride[-1]


class Runner:
    """A runner around a mean speed; cadence rises with speed.

    Args:
        mean_speed_m_per_s: e.g. 3.3 for five minutes a kilometre.
        seed: of the noise.
    """

    def __init__(self, mean_speed_m_per_s: float = 3.3, *, seed: int = 1) -> None:
        self._mean_speed_m_per_s = mean_speed_m_per_s
        self._random = random.Random(seed)
        self._steps = 0
        self._noise = 0.0
        self.speed_m_per_s = mean_speed_m_per_s
        self.distance_m = 0.0

    @property
    def stride_rate_per_minute(self) -> float:
        """Strides (two steps) a minute."""
        return 66.0 + 6.0 * self.speed_m_per_s

    @property
    def stride_length_m(self) -> float:
        """Metres between two falls of the same foot."""
        return self.speed_m_per_s * 60 / self.stride_rate_per_minute

    def advance_to(self, elapsed_s: float) -> None:
        """Carry the runner on to ``elapsed_s`` seconds after the start."""
        while (self._steps + 1) * STEP_S <= elapsed_s:
            self._steps += 1
            self._noise += -self._noise * STEP_S / NOISE_MEMORY_S + self._random.gauss(0, 0.005)
            self.speed_m_per_s = self._mean_speed_m_per_s * (1 + self._noise)
            self.distance_m += self.speed_m_per_s * STEP_S
