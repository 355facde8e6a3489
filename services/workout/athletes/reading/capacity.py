"""What recent workouts say of an athlete's capacity: oxygen uptake, and thresholds to consider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import athlete_pb2
from services.workout.athletes import days, suggestions, vo2max
from services.workout.athletes.fields import NAMES
from services.workout.athletes.reading.power import WINDOW_DAYS, Window, points_of, read_window
from services.workout.athletes.store import efforts, settings, thresholds

CYCLING = int(sport_pb2.SPORT_CYCLING)
RUNNING = int(sport_pb2.SPORT_RUNNING)
SWIMMING = int(sport_pb2.SPORT_SWIMMING)

_TWENTY_MINUTES_S = 1200
_HALF_AN_HOUR_S = 1800
_BEATS_S = 5
"""A maximum heart rate that lasts no longer is more likely a fault of the strap."""


@dataclass(frozen=True, slots=True)
class Recent:
    """What the athlete did lately, and what holds today.

    Attributes:
        power, heart_rate: the curves of cycling; those of heart rate of all sports that have one.
        runs, swims: the best effort of each distance.
        current: thresholds by name, by sport.
    """

    power: Window
    heart_rate: Mapping[int, Window]
    runs: Sequence[Row[Any]]
    swims: Sequence[Row[Any]]
    current: Mapping[int, Mapping[str, float]]


def read_recent(conn: Connection, user_id: str, day: str, window_days: int, now_ms: int) -> Recent:
    """Store function: the `window_days` (0: 90) up to a day ("": today).

    Raises:
        InvalidField: the day is none.
    """
    zone = settings.find(conn, user_id).time_zone
    last = days.day_of_text(day, "day") if day else days.day_of_ms(now_ms, zone)
    within = (last - (window_days or WINDOW_DAYS) + 1, last, zone)
    within_ms = (days.start_of_day_ms(within[0], zone), days.start_of_day_ms(last + 1, zone))
    history = thresholds.history(conn, user_id)
    beats = int(channel_pb2.CHANNEL_HEART_RATE)
    return Recent(
        power=read_window(conn, user_id, int(channel_pb2.CHANNEL_POWER), [CYCLING], within),
        heart_rate={
            sport: read_window(conn, user_id, beats, [sport], within) for sport in (CYCLING, RUNNING)
        },
        runs=efforts.best_between(conn, user_id, RUNNING, "distance/", within_ms),
        swims=efforts.best_between(conn, user_id, SWIMMING, "distance/", within_ms),
        current={
            sport: {NAMES[field]: value for field, value in history.on(last, sport).items() if field in NAMES}
            for sport in (0, CYCLING, RUNNING, SWIMMING)
        },
    )


def vo2max_estimates(recent: Recent) -> list[athlete_pb2.Vo2MaxEstimate]:
    """Estimates from efforts, the largest first: a poor day says little. Then that from heart rates."""
    measured = [each for each in (_of_cycling(recent), _of_running(recent)) if each is not None]
    measured.sort(key=lambda each: each.vo2max, reverse=True)
    ratio = _of_heart_rates(recent)
    return [*measured, *([ratio] if ratio is not None else [])]


def _of_cycling(recent: Recent) -> athlete_pb2.Vo2MaxEstimate | None:
    best = recent.power.best().at(vo2max.FIVE_MINUTES_S)
    weight = recent.current[CYCLING].get("weight_kg")
    if best is None or weight is None:
        return None
    return athlete_pb2.Vo2MaxEstimate(
        method=athlete_pb2.Vo2MaxEstimate.METHOD_CYCLING_POWER,
        vo2max=vo2max.of_cycling(best[0], weight),
        source=f"best five minutes on the bike, {best[0]:.0f} W at {weight:g} kg",
        workout_id=recent.power.workout_ids[best[1]],
    )


def _of_running(recent: Recent) -> athlete_pb2.Vo2MaxEstimate | None:
    known = [(uptake, run) for run in recent.runs if (uptake := vo2max.of_running(run.distance_m, run.value))]
    if not known:
        return None
    uptake, run = max(known, key=lambda each: each[0])
    return athlete_pb2.Vo2MaxEstimate(
        method=athlete_pb2.Vo2MaxEstimate.METHOD_RUNNING,
        vo2max=uptake,
        source=f"best run of {run.distance_m:.0f} m, {run.value:.0f} s",
        workout_id=run.workout_id,
    )


def _of_heart_rates(recent: Recent) -> athlete_pb2.Vo2MaxEstimate | None:
    told = recent.current[0]
    highest, resting = told.get("maximum_heart_rate_bpm"), told.get("resting_heart_rate_bpm")
    uptake = vo2max.of_heart_rates(highest, resting) if highest and resting else None
    if uptake is None:
        return None
    return athlete_pb2.Vo2MaxEstimate(
        method=athlete_pb2.Vo2MaxEstimate.METHOD_HEART_RATE_RATIO,
        vo2max=uptake,
        source=f"heart rates of {highest:g} at most and {resting:g} at rest",
    )


def threshold_suggestions(recent: Recent) -> list[athlete_pb2.ThresholdSuggestion]:
    """Everything that the recent workouts speak for."""
    return [*_of_power(recent), *_of_beats(recent), *_of_speeds(recent)]


def _of_power(recent: Recent) -> list[athlete_pb2.ThresholdSuggestion]:
    best = recent.power.best()
    found = []
    twenty = best.at(_TWENTY_MINUTES_S)
    if twenty is not None:
        found.append(
            _suggested(
                recent,
                "functional_threshold_power_w",
                CYCLING,
                suggestions.threshold_power(twenty[0]),
                f"95 % of the best 20 minutes, {twenty[0]:.0f} W",
                recent.power.workout_ids[twenty[1]],
            )
        )
    model = suggestions.critical_power(points_of(best))
    if model is not None:
        how = f"work over time of {len(model.points)} durations"
        error = f"{how}, standard error {model.critical_power_error_w:.1f} W"
        found.append(_suggested(recent, "critical_power_w", CYCLING, model.critical_power_w, error))
        error = f"{how}, standard error {model.w_prime_error_j:.0f} J"
        found.append(_suggested(recent, "w_prime_j", CYCLING, model.w_prime_j, error))
    return found


def _of_beats(recent: Recent) -> list[athlete_pb2.ThresholdSuggestion]:
    found = []
    highest = [
        (best[0], window.workout_ids[best[1]])
        for window in recent.heart_rate.values()
        if (best := window.best().at(_BEATS_S)) is not None
    ]
    known = recent.current[0].get("maximum_heart_rate_bpm")
    if highest and (known is None or max(highest)[0] > known):
        value, workout_id = max(highest)
        how = f"highest mean of {_BEATS_S} seconds"
        found.append(_suggested(recent, "maximum_heart_rate_bpm", 0, value, how, workout_id))
    for sport, window in recent.heart_rate.items():
        best = window.best().at(_HALF_AN_HOUR_S)
        if best is not None:
            how = "highest mean of 30 minutes, as in Friel's test"
            workout_id = window.workout_ids[best[1]]
            field = "lactate_threshold_heart_rate_bpm"
            found.append(_suggested(recent, field, sport, best[0], how, workout_id))
    return found


def _of_speeds(recent: Recent) -> list[athlete_pb2.ThresholdSuggestion]:
    found = []
    run = suggestions.threshold_speed({each.distance_m: each.value for each in recent.runs})
    if run is not None:
        how = "speed of an hour by the best run (Daniels and Gilbert)"
        found.append(_suggested(recent, "threshold_speed_mps", RUNNING, run, how))
    swim = suggestions.critical_swim_speed({each.distance_m: each.value for each in recent.swims})
    if swim is not None:
        how = "critical swim speed of the best 200 and 400 m"
        found.append(_suggested(recent, "threshold_swim_speed_mps", SWIMMING, swim, how))
    return found


def _suggested(  # noqa: PLR0917 - the columns of a row
    recent: Recent, field: str, sport: int, value: float, method: str, workout_id: str = ""
) -> athlete_pb2.ThresholdSuggestion:
    return athlete_pb2.ThresholdSuggestion(
        field=field,
        sport=sport_pb2.Sport.ValueType(sport),
        value=value,
        current=recent.current[sport].get(field),
        method=method,
        workout_id=workout_id,
    )
