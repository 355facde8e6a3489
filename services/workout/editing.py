"""What an owner changes of a workout, and how it disappears: store functions, each part of a transaction."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.workout.v1 import workout_pb2, workout_service_pb2
from services.chassis import outbox
from services.chassis.errors import EtagMismatch, InvalidField, RequestIdReused
from services.workout import events
from services.workout.analysis import queue
from services.workout.analysis.forgetting import forget_workout
from services.workout.errors import WorkoutNotFound
from services.workout.messages import etag, workout_message
from services.workout.revisions.guarding import check_deletable
from services.workout.store import files, recordings, workouts

EDITABLE = ("title", "notes", "sport", "sub_sport")

_UpdateRequest = workout_service_pb2.UpdateWorkoutRequest
_UpdateResponse = workout_service_pb2.UpdateWorkoutResponse


def edited_fields(request: _UpdateRequest) -> dict[str, Any]:
    """The new values of the fields that the mask names; "*" names all that can be edited.

    Raises:
        InvalidField: the mask is empty or names what cannot be edited, or a value cannot be.
    """
    paths = list(request.update_mask.paths)
    if not paths:
        raise InvalidField("update_mask", f"must name at least one of {', '.join(EDITABLE)}")
    names = list(EDITABLE) if "*" in paths else paths
    for name in names:
        if name not in EDITABLE:
            raise InvalidField("update_mask", f"{name!r} is not one of {', '.join(EDITABLE)}")
    values = {name: getattr(request.workout, name) for name in names}
    for name in ("title", "notes"):
        if "\0" in values.get(name, ""):
            raise InvalidField(f"workout.{name}", "must not hold a NUL character")
    if values.get("sport") == 0:
        raise InvalidField("workout.sport", "must be a sport")
    return values


def update(conn: Connection, user_id: str, request: _UpdateRequest, now_ms: int) -> _UpdateResponse:
    """Change a workout, publish what changed, and keep the answer for a repeat of the request.

    A change to what is there already changes nothing: the etag stays and nothing is published.

    Raises:
        WorkoutNotFound, EtagMismatch, RequestIdReused, InvalidField
    """
    values = edited_fields(request)
    row = workouts.find_for_update(conn, user_id, request.workout.workout_id)
    if row is None:
        raise WorkoutNotFound(request.workout.workout_id)
    # Only under the lock: of two equal requests at once the second sees the first one's answer.
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    answered = _answered(conn, user_id, request.request_id, digest)
    if answered is not None:
        return answered
    if request.etag and request.etag != etag(row.version):
        raise EtagMismatch("workout", row.workout_id, etag(row.version))
    response = _UpdateResponse(workout=_changed(conn, user_id, row, values, now_ms))
    if request.request_id:
        answer = workouts.Answer(digest, response.SerializeToString())
        if not workouts.keep_answer(conn, user_id, request.request_id, answer, now_ms):
            raise RequestIdReused(request.request_id)
    return response


def delete(conn: Connection, user_id: str, workout_id: str, now_ms: int) -> bool:
    """Delete a workout with its samples, recording, original file and answers; False when there is none.

    Raises:
        WorkoutDerived: it is hidden, or the only one that stands for hidden ones.
    """
    row = workouts.find_for_update(conn, user_id, workout_id)
    if row is None:
        return False
    check_deletable(conn, row)
    delete_whole(conn, row, now_ms)
    return True


def delete_whole(conn: Connection, row: Row[Any], now_ms: int) -> None:
    """Delete a workout that is locked, with everything that belongs to it, whatever was made of it."""
    forget_workout(conn, row.user_id, row.workout_pk, now_ms)
    files.delete_of_recording(conn, row.user_id, row.recording_id)
    workouts.delete_answers_about(conn, row.user_id, row.workout_id)
    recordings.delete_whole(conn, row.recording_pk)
    outbox.append(conn, events.workout_deleted(row.user_id, row.workout_id, now_ms))


def _answered(conn: Connection, user_id: str, request_id: str, digest: bytes) -> _UpdateResponse | None:
    answer = workouts.find_answer(conn, user_id, request_id) if request_id else None
    if answer is None:
        return None
    if answer.request_sha256 != digest:
        raise RequestIdReused(request_id)
    return _UpdateResponse.FromString(answer.response)


def _changed(
    conn: Connection, user_id: str, row: Row[Any], values: dict[str, Any], now_ms: int
) -> workout_pb2.Workout:
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not differing:
        return workout_message(row)
    workouts.change(conn, row.workout_pk, differing, row.version + 1, now_ms)
    if differing.keys() & {"sport", "sub_sport"}:
        # Many numbers depend on it, those of the summary among them.
        queue.enqueue(conn, user_id, row.workout_pk, queue.SPORT_CHANGED, now_ms)
    after = workouts.find(conn, user_id, row.workout_id)
    assert after is not None
    message = workout_message(after)
    changed = [name for name in EDITABLE if name in differing]
    outbox.append(conn, events.workout_updated(message, changed, now_ms))
    return message
