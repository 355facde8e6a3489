"""Where the analysis of a workout meets the formulas of `services.workout.metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import analysis_pb2
from services.workout.metrics import ALGORITHM, analyse, curve_at_every_duration, metrics_message
from services.workout.metrics.thresholds import Sex, Thresholds

if TYPE_CHECKING:
    from services.workout.analysis.loading import LoadedWorkout

_OTHER_NAMES = {"maximum_heart_rate_bpm": "max_heart_rate_bpm"}
"""Fields of the contract's `Thresholds` that the formulas call otherwise."""

_SEX = "sex"


def thresholds_of(values: Mapping[str, float]) -> Thresholds:
    """What the formulas take, from values by the names of the contract's fields."""
    taken: dict[str, float | Sex] = {}
    for name, value in values.items():
        if name == _SEX:
            if round(value) in tuple(Sex):
                taken[_SEX] = Sex(round(value))
        else:
            taken[_OTHER_NAMES.get(name, name)] = value
    return Thresholds(**taken)  # type: ignore[arg-type]


def analysis_of(workout: LoadedWorkout) -> analysis_pb2.Analysis:
    """Everything that is computed of a workout beyond its summary. Takes long: not for the event loop."""
    metrics = analyse(
        workout.measured,
        sport=workout.row.sport,
        sub_sport=workout.row.sub_sport,
        sessions=workout.sessions,
        laps=workout.laps,
        lengths=workout.lengths,
        thresholds=workout.thresholds,
        start_ms=workout.row.start_ms,
    )
    message = metrics_message(metrics)
    message.workout_id = workout.row.workout_id
    return message


def curve_of(
    workout: LoadedWorkout, channel: int, durations_s: Sequence[int]
) -> analysis_pb2.MeanMaximalCurve:
    """The curve of a channel at these durations, or at every second; empty without such values.

    Takes up to seconds: not for the event loop.
    """
    message = analysis_pb2.MeanMaximalCurve(channel=channel_pb2.Channel.ValueType(channel))
    whole = curve_at_every_duration(workout.measured, channel, workout.row.sport)
    if whole is None or not len(whole.durations_s):
        return message
    places = np.arange(len(whole.durations_s))
    if durations_s:
        places = np.flatnonzero(np.isin(whole.durations_s, np.unique(np.array(durations_s, np.int64))))
    message.durations_s.extend(whole.durations_s[places].tolist())
    message.values.extend(whole.values[places].tolist())
    message.starts_s.extend(np.maximum(whole.starts[places], 0).tolist())
    return message


__all__ = ["ALGORITHM", "analysis_of", "curve_of", "thresholds_of"]
