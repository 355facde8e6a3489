"""One sport from start to end: what a device would have recorded, second by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import (
    BoolArray,
    Int32Array,
    LapPart,
    Marker,
    PoolLength,
    SampleTable,
    SessionPart,
)
from ingest_edge.files.channels import SCALES
from ingest_edge.simulator.athlete import Athlete, BicycleMotion, Float64Array, HeartRate, Loop, wandering

_FIT_ALTITUDE_STEP_M = 0.2


@dataclass(frozen=True)
class Leg:
    """A part of an activity. `columns`: values in channel units by channel, shape (n,), NaN for nothing."""

    sport: str
    sub_sport: str
    start_ms: int
    time_ms: npt.NDArray[np.int64]
    columns: Mapping[str, Float64Array]
    end_ms: int
    lap_ends_ms: Sequence[int]
    lap_trigger: str = "manual"
    pauses_ms: Sequence[tuple[int, int]] = ()
    lengths: tuple[PoolLength, ...] = ()
    pool_length_m: float | None = None
    extra_totals: Mapping[str, float] = field(default_factory=dict)

    @property
    def timer_s(self) -> float:
        """The time the clock ran."""
        return (self.end_ms - self.start_ms - sum(end - start for start, end in self.pauses_ms)) / 1000

    def session(self) -> SessionPart:
        """The summary that the device writes at the end."""
        distance = self.distance_m(self.start_ms, self.end_ms)
        return SessionPart(
            sport=self.sport,
            sub_sport=self.sub_sport,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            elapsed_s=(self.end_ms - self.start_ms) / 1000,
            timer_s=self.timer_s,
            distance_m=distance,
            pool_length_m=self.pool_length_m,
            reported={**self.totals(self.start_ms, self.end_ms), **self.extra_totals},
        )

    def laps(self) -> list[LapPart]:
        """Laps up to each of `lap_ends_ms` and a last one to the end."""
        ends = [*self.lap_ends_ms, self.end_ms]
        starts = [self.start_ms, *self.lap_ends_ms]
        return [self._lap(start, end) for start, end in zip(starts, ends, strict=True) if end > start]

    def markers(self) -> list[Marker]:
        """The pauses; the laps make markers of their own."""
        return [
            marker
            for start, end in self.pauses_ms
            for marker in (Marker("pause", start), Marker("resume", end))
        ]

    def distance_m(self, start_ms: int, end_ms: int) -> float | None:
        """Distance covered from one time to another, to the centimetre."""
        if "distance" not in self.columns:
            return None
        start, end = np.interp([start_ms, end_ms], self.time_ms, self.columns["distance"], left=0.0)
        return round(float(end - start), 2)

    def totals(self, start_ms: int, end_ms: int) -> dict[str, float]:
        """Averages and maxima of what was recorded between two times, as a device reports them."""
        rows = (self.time_ms >= start_ms) & (self.time_ms <= end_ms)
        found: dict[str, float] = {}
        for channel, unit, digits in _REPORTED:
            column = self.columns.get(channel)
            if column is not None and np.isfinite(column[rows]).any():
                found[f"avg_{channel}_{unit}"] = round(float(np.nanmean(column[rows])), digits)
                found[f"max_{channel}_{unit}"] = round(float(np.nanmax(column[rows])), digits)
        if "power" in self.columns and rows.sum() > 30:
            found["normalized_power_w"] = _normalized_power_w(self.columns["power"][rows])
            found["work_j"] = round(float(np.nansum(self.columns["power"][rows])))
        if "altitude" in self.columns:
            climbs = np.diff(self.columns["altitude"][rows])
            found["ascent_m"] = round(float(climbs[climbs > 0].sum()))
            found["descent_m"] = round(float(-climbs[climbs < 0].sum()))
        return found

    def _lap(self, start_ms: int, end_ms: int) -> LapPart:
        paused_ms = sum(max(0, min(end, end_ms) - max(start, start_ms)) for start, end in self.pauses_ms)
        return LapPart(
            start_ms=start_ms,
            end_ms=end_ms,
            elapsed_s=(end_ms - start_ms) / 1000,
            timer_s=(end_ms - start_ms - paused_ms) / 1000,
            distance_m=self.distance_m(start_ms, end_ms),
            trigger="session_end" if end_ms == self.end_ms else self.lap_trigger,
            reported={
                name: value for name, value in self.totals(start_ms, end_ms).items() if name in _LAP_TOTALS
            },
        )


_REPORTED = (("heart_rate", "bpm", 0), ("cadence", "rpm", 0), ("power", "w", 0), ("speed", "mps", 3))
_LAP_TOTALS = frozenset(
    {f"{kind}_{channel}_{unit}" for channel, unit, _ in _REPORTED for kind in ("avg", "max")}
    | {"normalized_power_w", "work_j", "ascent_m", "descent_m"}
)


def record_table(legs: Sequence[Leg]) -> SampleTable:
    """The records of all legs as one table of wire integers, rounded as FIT rounds them."""
    time_ms = np.concatenate([leg.time_ms for leg in legs])
    columns: dict[str, Int32Array] = {}
    validity: dict[str, BoolArray | None] = {}
    for channel in sorted({channel for leg in legs for channel in leg.columns}):
        values = np.concatenate([leg.columns.get(channel, np.full(len(leg.time_ms), np.nan)) for leg in legs])
        valid = np.isfinite(values)
        scaled = _as_fit_rounds(channel, np.where(valid, values, 0.0)) * SCALES[channel]
        columns[channel] = np.where(valid, np.rint(scaled), 0).astype(np.int32)
        validity[channel] = None if valid.all() else valid
    return SampleTable("record", time_ms, columns, validity)


def beat_table(leg: Leg, random: np.random.Generator) -> SampleTable:
    """Heart beats between the records of a leg that agree with its heart rate, give or take a breath."""
    seconds = (leg.time_ms - leg.start_ms) / 1000
    now, end = 0.0, float(seconds[-1])
    pauses = [((start - leg.start_ms) / 1000, (stop - leg.start_ms) / 1000) for start, stop in leg.pauses_ms]
    times, intervals = [], []
    while now < end:
        # While the clock is stopped the device keeps no beats.
        now = next((stop for start, stop in pauses if start <= now < stop), now)
        rate = float(np.interp(now, seconds, leg.columns["heart_rate"]))
        breathing = 0.02 * np.sin(2 * np.pi * now / 4.2) + float(random.normal(0, 0.008))
        interval_ms = round(60_000 / rate * (1 + breathing))
        now += interval_ms / 1000
        times.append(leg.start_ms + round(now * 1000))
        intervals.append(round(interval_ms * SCALES["rr_interval"] / 1000))
    return SampleTable(
        "rr", np.array(times, np.int64), {"rr_interval": np.array(intervals, np.int32)}, {"rr_interval": None}
    )


def ride(
    athlete: Athlete,
    random: np.random.Generator,
    start_ms: int,
    planned_power_w: Float64Array,
    loop: Loop | None,
    *,
    stops_s: Sequence[tuple[int, int]] = (),
    lap_ends_s: Sequence[int] = (),
    temperature_degc: float = 17.0,
) -> Leg:
    """A ride of one record a second; indoors where there is no loop.

    `planned_power_w` (shape (n,)) is what the athlete means to ride; `stops_s` are (start, end) of pauses, in
    which the clock is stopped and nothing is recorded.
    """
    size = len(planned_power_w)
    power = _ridden_power(random, planned_power_w)
    moving = np.ones(size, np.bool_)
    for stop_start, stop_end in stops_s:
        moving[stop_start:stop_end] = False
        power[max(0, stop_start - 8) : stop_end] = 0
    motion, heart = BicycleMotion(athlete), HeartRate(athlete, random)
    speed, distance, bpm = np.zeros(size), np.zeros(size), np.zeros(size)
    brake_at = {second for start, _ in stops_s for second in range(start - 8, start)}
    for second in range(size):
        slope = loop.slope(motion.distance_m) if loop else 0.0
        braking = second in brake_at or not moving[second]
        speed[second] = motion.advance(float(power[second]), slope, braking=braking)
        distance[second] = motion.distance_m
        bpm[second] = heart.advance(float(power[second]) / athlete.functional_threshold_power_w)
    columns = {
        "power": power,
        "speed": speed,
        "distance": distance,
        "heart_rate": bpm,
        "cadence": _pedalling(random, power, athlete),
        "temperature": temperature_degc + 4 * np.sin(np.linspace(-0.6, 1.6, size)),
        "left_power": np.where(
            power > 0, 100 * athlete.left_share + wandering(random, size, spread=1.2, memory_s=20), np.nan
        ),
    }
    if loop:
        columns |= _on_the_loop(random, loop, distance)
    rows = np.flatnonzero(moving)
    return Leg(
        sport="SPORT_CYCLING",
        sub_sport="SUB_SPORT_ROAD" if loop else "SUB_SPORT_INDOOR_CYCLING",
        start_ms=start_ms,
        time_ms=start_ms + rows.astype(np.int64) * 1000,
        columns={channel: column[rows] for channel, column in columns.items()},
        end_ms=start_ms + (size - 1) * 1000,
        lap_ends_ms=[start_ms + second * 1000 for second in lap_ends_s],
        pauses_ms=[(start_ms + start * 1000, start_ms + end * 1000) for start, end in stops_s],
        # An old rule of thumb: a kilojoule at the pedal is a kilocalorie burnt.
        extra_totals={"calories_kcal": round(float(power[rows].sum()) / 1000)},
    )


def run(
    athlete: Athlete,
    random: np.random.Generator,
    start_ms: int,
    planned_effort: Float64Array,
    loop: Loop,
    *,
    lap_every_m: float = 1000.0,
) -> Leg:
    """A run of one record a second with a lap at every kilometre; effort 1.0 is the threshold speed."""
    size = len(planned_effort)
    effort = planned_effort * (1 + wandering(random, size, spread=0.02, memory_s=15))
    heart = HeartRate(athlete, random)
    speed, distance, bpm = np.zeros(size), np.zeros(size), np.zeros(size)
    travelled = 0.0
    for second, wish in enumerate(effort.tolist()):
        # Uphill costs more than downhill gives back (after Minetti et al., 2002).
        slope = loop.slope(travelled)
        speed[second] = athlete.threshold_speed_mps * wish / (1 + (4.0 if slope > 0 else 2.0) * slope)
        travelled += speed[second]
        distance[second] = travelled
        bpm[second] = heart.advance(wish)
    cadence = 81 + 3.0 * (speed - 3) + wandering(random, size, spread=0.8, memory_s=10)
    columns = {
        "speed": speed,
        "distance": distance,
        "heart_rate": bpm,
        "cadence": cadence,
        "stride_length": speed * 60 / cadence,
        "vertical_oscillation": 92 - 4 * (speed - 3) + wandering(random, size, spread=2, memory_s=10),
        "ground_contact_time": 268 - 22 * (speed - 3) + wandering(random, size, spread=3, memory_s=10),
        "temperature": np.full(size, 14.0, np.float64),
        **_on_the_loop(random, loop, distance),
    }
    crossings = np.flatnonzero(np.diff(distance // lap_every_m) > 0) + 1
    return Leg(
        sport="SPORT_RUNNING",
        sub_sport="SUB_SPORT_UNSPECIFIED",
        start_ms=start_ms,
        time_ms=start_ms + np.arange(size, dtype=np.int64) * 1000,
        columns=columns,
        end_ms=start_ms + (size - 1) * 1000,
        lap_ends_ms=[start_ms + int(second) * 1000 for second in crossings],
        lap_trigger="distance",
        # About 1 kcal a kilogram and kilometre.
        extra_totals={"calories_kcal": round(athlete.mass_kg * travelled / 1000)},
    )


def swim(
    athlete: Athlete,
    random: np.random.Generator,
    start_ms: int,
    sets: Sequence[tuple[int, str, float]],
    *,
    pool_length_m: float = 25.0,
    rest_s: int = 25,
) -> Leg:
    """A pool swim: sets of (lengths, stroke, seconds a length), a rest at the wall after each, no GPS."""
    lengths: list[PoolLength] = []
    heart = HeartRate(athlete, random)
    times, distances, rates, strokes_a_minute, lap_ends = [], [], [], [], []
    now, swum = start_ms, 0.0
    for count, stroke, pace_s in sets:
        for _ in range(count):
            duration_s = max(8, round(pace_s + float(random.normal(0, 0.7))))
            strokes = max(5, round(duration_s / 1.35 + float(random.normal(0, 0.8))))
            for _ in range(duration_s):
                bpm = heart.advance(0.92)
            lengths.append(PoolLength(now, now + duration_s * 1000, stroke, strokes, active=True))
            now += duration_s * 1000
            swum += pool_length_m
            times.append(now)
            distances.append(swum)
            rates.append(bpm)
            strokes_a_minute.append(strokes * 60 / duration_s)
        for _ in range(rest_s):
            heart.advance(0.2)
        lengths.append(PoolLength(now, now + rest_s * 1000, None, None, active=False))
        now += rest_s * 1000
        lap_ends.append(now)
    active_s = sum((length.end_ms - length.start_ms) / 1000 for length in lengths if length.active)
    return Leg(
        sport="SPORT_SWIMMING",
        sub_sport="SUB_SPORT_LAP_SWIMMING",
        start_ms=start_ms,
        time_ms=np.array(times, np.int64),
        columns={
            "distance": np.array(distances),
            "heart_rate": np.array(rates),
            "cadence": np.array(strokes_a_minute),
        },
        end_ms=now,
        lap_ends_ms=lap_ends[:-1],
        lengths=tuple(lengths),
        pool_length_m=pool_length_m,
        extra_totals={
            "active_lengths": sum(length.active for length in lengths),
            "calories_kcal": round(athlete.mass_kg * active_s / 3600 * 8),
            "avg_speed_mps": round(swum / active_s, 3),
        },
    )


def transition(start_ms: int, duration_s: int, random: np.random.Generator) -> Leg:
    """From one sport to the next: a short walk with a racing heart."""
    size = duration_s
    seconds = np.arange(size, dtype=np.float64)
    return Leg(
        sport="SPORT_TRANSITION",
        sub_sport="SUB_SPORT_UNSPECIFIED",
        start_ms=start_ms,
        time_ms=start_ms + seconds.astype(np.int64) * 1000,
        columns={
            "heart_rate": 150
            - 12 * (1 - np.exp(-seconds / 60))
            + wandering(random, size, spread=1, memory_s=5),
            "speed": np.full(size, 1.2),
            "distance": 1.2 * (seconds + 1),
        },
        end_ms=start_ms + size * 1000,
        lap_ends_ms=(),
    )


def _as_fit_rounds(channel: str, values: Float64Array) -> Float64Array:
    """FIT stores altitude in fifths of a metre, temperature in degrees, a balance in percent."""
    if channel == "altitude":
        return np.rint(values / _FIT_ALTITUDE_STEP_M) * _FIT_ALTITUDE_STEP_M
    return np.rint(values) if channel in ("temperature", "left_power") else values


def _ridden_power(random: np.random.Generator, planned_w: Float64Array) -> Float64Array:
    size = len(planned_w)
    swing = 1 + wandering(random, size, spread=0.05, memory_s=12) + random.normal(0, 0.04, size)
    coasting = wandering(random, size, spread=1.0, memory_s=6) > 2.2
    return np.rint(np.where(coasting, 0.0, np.maximum(0.0, planned_w * swing)))


def _pedalling(random: np.random.Generator, power: Float64Array, athlete: Athlete) -> Float64Array:
    effort = power / athlete.functional_threshold_power_w
    cadence = 82 + 10 * effort + wandering(random, len(power), spread=2.5, memory_s=15)
    return np.where(power > 0, np.rint(cadence), 0.0)


def _on_the_loop(random: np.random.Generator, loop: Loop, distance: Float64Array) -> dict[str, Float64Array]:
    """Position, height and slope, with the slow error that a receiver has."""
    latitude, longitude = loop.position_deg(distance)
    size = len(distance)
    error_deg = 2.0 / 111_000
    return {
        "latitude": latitude + wandering(random, size, spread=error_deg, memory_s=60),
        "longitude": longitude + wandering(random, size, spread=error_deg, memory_s=60),
        "altitude": loop.altitude_m(distance) + wandering(random, size, spread=0.5, memory_s=300),
    }


def _normalized_power_w(power: Float64Array) -> float:
    """Fourth root of the mean fourth power of the 30 s moving average (Coggan)."""
    sums = np.cumsum(np.concatenate([[0.0], power]))
    smooth = (sums[30:] - sums[:-30]) / 30
    return round(float(np.mean(smooth**4) ** 0.25))
