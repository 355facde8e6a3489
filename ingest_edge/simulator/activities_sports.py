"""Each sport from start to end: what a device would have recorded, second by second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest_edge.files.activity import BoolArray, PoolLength
from ingest_edge.simulator.activities_legs import Leg
from ingest_edge.simulator.athlete import Athlete, BicycleMotion, Float64Array, HeartRate, Loop, wandering


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
    braking = ~moving
    for stop_start, _ in stops_s:
        braking[max(0, stop_start - 8) : stop_start] = True
    speed, distance = _ridden_way(athlete, power, braking, loop)
    columns = {
        "power": power,
        "speed": speed,
        "distance": distance,
        "heart_rate": _heart_rate(athlete, random, power / athlete.functional_threshold_power_w),
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
    speed, distance = _run_way(athlete, effort, loop)
    cadence = 81 + 3.0 * (speed - 3) + wandering(random, size, spread=0.8, memory_s=10)
    columns = {
        "speed": speed,
        "distance": distance,
        "heart_rate": _heart_rate(athlete, random, effort),
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
        extra_totals={"calories_kcal": round(athlete.mass_kg * float(distance[-1]) / 1000)},
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


def _ridden_power(random: np.random.Generator, planned_w: Float64Array) -> Float64Array:
    size = len(planned_w)
    swing = 1 + wandering(random, size, spread=0.05, memory_s=12) + random.normal(0, 0.04, size)
    coasting = wandering(random, size, spread=1.0, memory_s=6) > 2.2
    return np.rint(np.where(coasting, 0.0, np.maximum(0.0, planned_w * swing)))


def _ridden_way(
    athlete: Athlete, power: Float64Array, braking: BoolArray, loop: Loop | None
) -> tuple[Float64Array, Float64Array]:
    """Speed in m/s and distance in m after every second."""
    motion = BicycleMotion(athlete)
    speed, distance = np.zeros(len(power)), np.zeros(len(power))
    for second, (watts, brakes) in enumerate(zip(power.tolist(), braking.tolist(), strict=True)):
        slope = loop.slope(motion.distance_m) if loop else 0.0
        speed[second] = motion.advance(watts, slope, braking=brakes)
        distance[second] = motion.distance_m
    return speed, distance


def _run_way(athlete: Athlete, effort: Float64Array, loop: Loop) -> tuple[Float64Array, Float64Array]:
    """Speed in m/s and distance in m after every second.

    Uphill costs more than downhill gives back (after Minetti et al., 2002, "Energy cost of walking and
    running at extreme uphill and downhill slopes").
    """
    speed, distance = np.zeros(len(effort)), np.zeros(len(effort))
    travelled = 0.0
    for second, wish in enumerate(effort.tolist()):
        slope = loop.slope(travelled)
        speed[second] = athlete.threshold_speed_mps * wish / (1 + (4.0 if slope > 0 else 2.0) * slope)
        travelled += speed[second]
        distance[second] = travelled
    return speed, distance


def _heart_rate(athlete: Athlete, random: np.random.Generator, effort: Float64Array) -> Float64Array:
    heart = HeartRate(athlete, random)
    return np.array([heart.advance(share) for share in effort.tolist()])


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
