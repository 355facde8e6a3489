"""Comparisons to the contract's messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import comparison_service_pb2 as wire
from services.workout.comparing.alignment import Axis
from services.workout.comparing.comparison import Comparison, OnAxis
from services.workout.comparing.numbers import StretchNumbers
from services.workout.comparing.standing import Standing
from services.workout.comparing.trend import Trend
from services.workout.messages import workout_message

ALIGNMENTS = {
    wire.ALIGNMENT_TIME: Axis.TIME,
    wire.ALIGNMENT_DISTANCE: Axis.DISTANCE,
    wire.ALIGNMENT_ROUTE: Axis.ROUTE,
}
_ALIGNMENT_OF = {axis: alignment for alignment, axis in ALIGNMENTS.items()}


def comparison_message(comparison: Comparison, rows: Sequence[Row[Any]]) -> wire.CompareWorkoutsResponse:
    """A comparison of the workouts of these rows (as `store.workouts.find` reads them)."""
    response = wire.CompareWorkoutsResponse(
        alignment=_ALIGNMENT_OF[comparison.axis_kind],
        axis=comparison.axis.tolist(),
        workouts=[
            _workout_message(workout, row) for workout, row in zip(comparison.workouts, rows, strict=True)
        ],
    )
    for split in comparison.splits:
        response.splits.add(
            start=split.start, end=split.end, workouts=[numbers_message(each) for each in split.workouts]
        )
    for change in comparison.changes:
        response.changes.add(
            workout=change.workout + 1,
            measure=change.measure,
            text=change.text,
            before=change.before,
            after=change.after,
            unit=change.unit,
            effect=change.effect,
        )
    return response


def _workout_message(workout: OnAxis, row: Row[Any]) -> wire.ComparedWorkout:
    whole = workout_message(row)
    message = wire.ComparedWorkout(
        workout_id=whole.workout_id,
        title=whole.title,
        sport=sport_pb2.Sport.ValueType(whole.sport),
        start_time=whole.start_time,
        summary=whole.summary,
        coverage=workout.coverage,
        elapsed_s=workout.elapsed_s.tolist(),
        distance_m=workout.distance_m.tolist(),
        gap_s=[] if workout.gap_s is None else workout.gap_s.tolist(),
        gap_m=[] if workout.gap_m is None else workout.gap_m.tolist(),
        common=None if workout.common is None else numbers_message(workout.common),
    )
    for channel, values in workout.columns.items():
        message.columns.add(channel=channel_pb2.Channel.ValueType(channel), values=values.tolist())
    return message


def numbers_message(numbers: StretchNumbers | None) -> wire.StretchNumbers:
    """The numbers of a stretch; empty where the workout does not cover it."""
    if numbers is None:
        return wire.StretchNumbers()
    return wire.StretchNumbers(
        elapsed_s=numbers.elapsed_s,
        stopped_s=numbers.stopped_s,
        distance_m=numbers.distance_m,
        speed_mps=numbers.speed_mps,
        channels=[
            wire.ChannelMean(channel=channel_pb2.Channel.ValueType(channel), mean=mean)
            for channel, mean in numbers.means.items()
        ],
    )


def matched_message(row: Row[Any]) -> wire.MatchedWorkout:
    """A workout on a route, with its rank (as `routes.store.on_route` reads it)."""
    message = wire.MatchedWorkout(
        workout_id=row.workout_id,
        title=row.title,
        elapsed_s=row.elapsed_s,
        distance_m=row.distance_m,
        average_speed_mps=row.distance_m / row.elapsed_s if row.elapsed_s > 0 else 0.0,
        average_power_w=row.average_power_w,
        average_heart_rate_bpm=row.average_heart_rate_bpm,
        rank=row.rank,
    )
    message.start_time.FromMilliseconds(row.start_ms)
    return message


def trend_message(trend: Trend) -> wire.Trend:
    """A trend of times."""
    return wire.Trend(
        seconds_per_30_days=trend.per_30_days,
        tau=trend.tau,
        p_value=trend.p_value,
        workouts=trend.workouts,
    )


def standing_message(standing: Standing) -> wire.Standing:
    """An effort among those of a window."""
    return wire.Standing(
        window=standing.window,
        efforts=standing.efforts,
        rank=standing.rank,
        percentile=standing.percentile,
        best_value=standing.best.value,
        best_workout_id=standing.best.workout_id,
        median_value=standing.median_value,
    )
