"""Leaving out of answers what the person does not allow any more: it is stored until they have it erased."""

from __future__ import annotations

from collections.abc import Collection

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.workout.v1 import recording_service_pb2, workout_pb2
from services.workout.consents.channels import guarded_by

Refused = Collection[Purpose.ValueType]
_Part = workout_pb2.Workout | workout_pb2.Session | workout_pb2.Lap


def hide_in_workout(workout: workout_pb2.Workout, refused: Refused) -> workout_pb2.Workout:
    """The same workout, without the numbers of channels that are refused."""
    if refused:
        parts: list[_Part] = [workout, *workout.sessions, *workout.laps]
        for part in parts:
            if part.HasField("summary"):
                _hide_in_summary(part.summary, refused)
    return workout


def _hide_in_summary(summary: workout_pb2.Summary, refused: Refused) -> None:
    hidden = guarded_by(refused)
    kept = [channel for channel in summary.channels if channel.channel not in hidden]
    del summary.channels[:]
    summary.channels.extend(kept)
    if Purpose.PURPOSE_HEALTH_DATA in refused:
        summary.ClearField("energy_kcal")
        summary.ClearField("work_kj")


def hide_in_live(
    message: recording_service_pb2.WatchRecordingResponse, refused: Refused
) -> recording_service_pb2.WatchRecordingResponse:
    """The same numbers, without those of channels that are refused."""
    if refused:
        hidden = guarded_by(refused)
        kept = [value for value in message.values if value.channel not in hidden]
        del message.values[:]
        message.values.extend(kept)
    return message
