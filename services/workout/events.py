"""What the workout service publishes, in the envelopes that the outbox takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Row

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, events_pb2, workout_pb2
from services.chassis import envelopes
from services.workout.athletes.days import text_of_day
from services.workout.athletes.history import Told
from services.workout.messages import version_of

PRODUCER = "workout"


def recording_started(
    user_id: str, recording_id: str, sport: int, start_ms: int, now_ms: int
) -> envelope_pb2.Envelope:
    """A recording was opened for the first time."""
    event = events_pb2.RecordingStarted(
        recording_id=recording_id, user_id=user_id, sport=sport_pb2.Sport.ValueType(sport)
    )
    event.start_time.FromMilliseconds(start_ms)
    return _envelope(user_id, event, now_ms)


def recording_discarded(user_id: str, recording_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """A recording was given up."""
    return _envelope(
        user_id, events_pb2.RecordingDiscarded(recording_id=recording_id, user_id=user_id), now_ms
    )


def workout_recorded(workout: workout_pb2.Workout, now_ms: int) -> envelope_pb2.Envelope:
    """A workout was made of a recording. Takes ids, sport, times and summary of `workout`."""
    event = events_pb2.WorkoutRecorded(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        recording_id=workout.recording_id,
        sport=workout.sport,
        sub_sport=workout.sub_sport,
        start_time=workout.start_time,
        end_time=workout.end_time,
        summary=workout.summary,
        state=workout_state(workout),
    )
    return _envelope(workout.user_id, event, now_ms)


def workout_updated(
    workout: workout_pb2.Workout, changed_fields: list[str], now_ms: int
) -> envelope_pb2.Envelope:
    """The owner changed fields of a workout."""
    event = events_pb2.WorkoutUpdated(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        changed_fields=changed_fields,
        sport=workout.sport,
        sub_sport=workout.sub_sport,
        etag=workout.etag,
        state=workout_state(workout),
    )
    return _envelope(workout.user_id, event, now_ms)


def workout_analyzed(
    workout: Row[Any], analysis: analysis_pb2.Analysis, now_ms: int
) -> envelope_pb2.Envelope:
    """The analysis of the workout of this row was stored."""
    event = events_pb2.WorkoutAnalyzed(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        sport=sport_pb2.Sport.ValueType(workout.sport),
        stress_score=analysis.load.stress_score if analysis.load.HasField("stress_score") else None,
        algorithm=analysis.algorithm,
    )
    event.start_time.FromMilliseconds(workout.start_ms)
    return _envelope(workout.user_id, event, now_ms)


def workout_deleted(user_id: str, workout_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """A workout is gone, with everything that belonged to it."""
    return _envelope(user_id, events_pb2.WorkoutDeleted(workout_id=workout_id, user_id=user_id), now_ms)


def workout_revised(workout: workout_pb2.Workout, operations: int, now_ms: int) -> envelope_pb2.Envelope:
    """The owner corrected a workout; without operations: it is as it was recorded."""
    event = events_pb2.WorkoutRevised(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        operations=operations,
        start_time=workout.start_time,
        end_time=workout.end_time,
        summary=workout.summary,
        etag=workout.etag,
        state=workout_state(workout),
    )
    return _envelope(workout.user_id, event, now_ms)


def workout_hidden(workout: workout_pb2.Workout, derivation_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """Other workouts stand in its place."""
    event = events_pb2.WorkoutHidden(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        derivation_id=derivation_id,
        state=workout_state(workout),
    )
    return _envelope(workout.user_id, event, now_ms)


def workout_restored(workout: workout_pb2.Workout, derivation_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """It is shown again, as it was."""
    event = events_pb2.WorkoutRestored(
        workout_id=workout.workout_id,
        user_id=workout.user_id,
        derivation_id=derivation_id,
        state=workout_state(workout),
    )
    return _envelope(workout.user_id, event, now_ms)


def workout_state(workout: workout_pb2.Workout) -> events_pb2.WorkoutState:
    """What those who sum up workouts need to know of this one as it is now."""
    sessions = workout.sessions if len(workout.sessions) > 1 else ()
    devices = {source.device.device_id for source in workout.sources}
    return events_pb2.WorkoutState(
        version=version_of(workout.etag),
        hidden=workout.hidden,
        start_time=workout.start_time,
        total=_amounts(workout.summary, workout.sport, workout.sub_sport),
        parts=[_amounts(each.summary, each.part.sport, each.part.sub_sport) for each in sessions],
        gear=workout.gear,
        device_ids=sorted(devices - {""}),
    )


def _amounts(
    summary: workout_pb2.Summary, sport: sport_pb2.Sport.ValueType, sub_sport: sport_pb2.SubSport.ValueType
) -> events_pb2.WorkoutAmounts:
    durations = (
        getattr(summary, name) for name in ("moving_s", "timer_s", "elapsed_s") if summary.HasField(name)
    )
    return events_pb2.WorkoutAmounts(
        sport=sport,
        sub_sport=sub_sport,
        distance_m=summary.distance_m if summary.HasField("distance_m") else None,
        duration_s=next(durations, 0.0),
        elevation_gain_m=summary.elevation_gain_m,
        work_kj=summary.work_kj,
    )


def thresholds_changed(
    user_id: str, version: int, told: Iterable[Told], now_ms: int
) -> envelope_pb2.Envelope:
    """An athlete's history of thresholds is another; `told` is all of it."""
    event = events_pb2.ThresholdsChanged(user_id=user_id, version=version)
    for each in told:
        event.values.add(
            field=each.field,
            sport=sport_pb2.Sport.ValueType(each.sport),
            effective_from=text_of_day(each.from_day),
            value=each.value,
        )
    return _envelope(user_id, event, now_ms)


def _envelope(user_id: str, event: Message, now_ms: int) -> envelope_pb2.Envelope:
    return envelopes.envelope(PRODUCER, user_id, event, now_ms)
