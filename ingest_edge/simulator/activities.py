"""Whole sample activities, and the folder of files that a demonstration imports. Same seed, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from ingest_edge.files.activity import Activity, DeviceIdentity, Marker, SampleTable
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.simulator.activities_legs import Leg, beat_table, record_table
from ingest_edge.simulator.activities_sports import ride, run, swim, transition
from ingest_edge.simulator.athlete import Athlete, Float64Array, Loop

_HOUR_S = 3600


def three_hour_ride(seed: int, start_ms: int, athlete: Athlete | None = None) -> Activity:
    """An outdoor ride with power: warm-up, four long intervals, hills, two stops, the way home."""
    athlete, random = athlete or Athlete(), np.random.default_rng([seed, 1])
    threshold = athlete.functional_threshold_power_w
    plan = np.full(3 * _HOUR_S + 1, 0.68 * threshold)
    plan[:900] = np.linspace(0.45, 0.68, 900) * threshold
    intervals = [(2400 + number * 960, 2400 + number * 960 + 480) for number in range(4)]
    for start, end in intervals:
        plan[start:end] = 0.98 * threshold
        plan[end : end + 240] = 0.5 * threshold
    plan[-600:] = 0.5 * threshold
    leg = ride(
        athlete,
        random,
        start_ms,
        plan,
        Loop(random, 31_000.0),
        stops_s=((6900, 7080), (9300, 9345)),
        lap_ends_s=[second for interval in intervals for second in interval],
    )
    return _activity([leg], "Pulsemesh Ride Simulator", seed, beats=beat_table(leg, random))


def fifty_minute_run(
    seed: int, start_ms: int, athlete: Athlete | None = None, *, effort: float = 1.0, day: int = 0
) -> Activity:
    """A steady run that ends a little faster, with a lap at every kilometre.

    The seed gives the way; another `day` is another run of the same way, `effort` times as fast.
    """
    athlete, random = athlete or Athlete(), np.random.default_rng([seed, 2])
    way = Loop(random, 9_400.0, hill_m=12.0)
    if day:
        random = np.random.default_rng([seed, 2, day])
    plan = effort * np.interp(np.arange(3001), [0, 300, 2400, 2850, 3000], [0.72, 0.80, 0.84, 0.97, 0.75])
    return _activity([run(athlete, random, start_ms, plan, way)], "Pulsemesh Run Simulator", seed)


def pool_swim(seed: int, start_ms: int, athlete: Athlete | None = None) -> Activity:
    """Sets of several strokes in a 25 m pool: lengths, strokes and rests, and no position."""
    athlete, random = athlete or Athlete(), np.random.default_rng([seed, 3])
    sets = [
        (8, "freestyle", 26.0),
        (4, "backstroke", 30.0),
        *[(8, "freestyle", 23.5)] * 4,
        (4, "breaststroke", 32.0),
        (4, "freestyle", 28.0),
    ]
    return _activity([swim(athlete, random, start_ms, sets)], "Pulsemesh Swim Simulator", seed)


def indoor_ride(seed: int, start_ms: int, athlete: Athlete | None = None) -> Activity:
    """Forty-five minutes on a trainer: ten short and hard intervals, no position and no height."""
    athlete, random = athlete or Athlete(), np.random.default_rng([seed, 4])
    threshold = athlete.functional_threshold_power_w
    plan = np.full(2701, 0.6 * threshold)
    starts = range(600, 2400, 180)
    for start in starts:
        plan[start : start + 60] = 1.25 * threshold
        plan[start + 60 : start + 180] = 0.45 * threshold
    leg = ride(
        athlete,
        random,
        start_ms,
        plan,
        None,
        lap_ends_s=[second for start in starts for second in (start, start + 60)],
        temperature_degc=21.0,
    )
    return _activity([leg], "Pulsemesh Trainer Simulator", seed)


def triathlon(seed: int, start_ms: int, athlete: Athlete | None = None) -> Activity:
    """A short triathlon in one file: swim, transition, bike, transition, run."""
    athlete, random = athlete or Athlete(), np.random.default_rng([seed, 5])
    threshold = athlete.functional_threshold_power_w
    legs = [swim(athlete, random, start_ms, [(16, "freestyle", 25.0)], rest_s=0)]
    legs.append(transition(legs[-1].end_ms, 110, random))
    legs.append(
        ride(athlete, random, legs[-1].end_ms, _steady(0.88 * threshold, 2100), Loop(random, 10_500.0))
    )
    legs.append(transition(legs[-1].end_ms + 1000, 70, random))
    legs.append(run(athlete, random, legs[-1].end_ms, _steady(0.94, 1320), Loop(random, 2_500.0, hill_m=4.0)))
    return _activity(legs, "Pulsemesh Multisport Simulator", seed)


def truncated(content: bytes, kept: float = 0.6) -> bytes:
    """A file as it is left when the battery dies while it is copied: that share of it, cut mid-message."""
    return content[: int(len(content) * kept)]


def write_sample_folder(path: Path, seed: int, start_date: date) -> list[Path]:
    """Write six files of eight days, from `start_date` on, into a folder made if missing; returns the paths.

    A three-hour ride with power, a run, a pool swim, an indoor ride without GPS, a ride that was cut off, and
    the run once more, a little faster.
    """
    path.mkdir(parents=True, exist_ok=True)
    files = {
        "three-hour-ride.fit": write_activity(three_hour_ride(seed, _at(start_date, 0, 8))),
        "morning-run.fit": write_activity(fifty_minute_run(seed, _at(start_date, 1, 6))),
        "pool-swim.fit": write_activity(pool_swim(seed, _at(start_date, 2, 17))),
        "indoor-ride.fit": write_activity(indoor_ride(seed, _at(start_date, 3, 18))),
        "cut-off-ride.fit": truncated(write_activity(three_hour_ride(seed + 1, _at(start_date, 5, 9)))),
        "same-run-faster.fit": write_activity(
            fifty_minute_run(seed, _at(start_date, 7, 6), effort=1.04, day=1)
        ),
    }
    written = []
    for name, content in files.items():
        file = path / name
        file.write_bytes(content)
        written.append(file)
    return written


def _steady(value: float, seconds: int) -> Float64Array:
    return np.full(seconds, value)


def _at(start_date: date, days: int, hour: int) -> int:
    moment = datetime.combine(start_date + timedelta(days=days), time(hour, 30), UTC)
    return int(moment.timestamp()) * 1000


def _activity(
    legs: Sequence[Leg], device_name: str, seed: int, *, beats: SampleTable | None = None
) -> Activity:
    laps = [lap for leg in legs for lap in leg.laps()]
    moments = [marker for leg in legs for marker in leg.markers()]
    moments += [Marker("lap", lap.start_ms) for lap in laps[1:]]
    return Activity(
        file_kind="activity",
        device=DeviceIdentity("development", "product_1", 1_000_000 + seed, device_name),
        start_time_ms=legs[0].start_ms,
        sessions=tuple(leg.session() for leg in legs),
        laps=tuple(laps),
        lengths=tuple(length for leg in legs for length in leg.lengths),
        markers=tuple(sorted(moments, key=lambda marker: marker.time_ms)),
        tables=(record_table(legs),) if beats is None else (record_table(legs), beats),
        losses=(),
    )
