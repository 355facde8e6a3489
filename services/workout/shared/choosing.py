"""What an owner chooses for one workout: store functions."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.profile.v1.privacy_pb2 import WorkoutPrivacy
from services.chassis.errors import InvalidField
from services.chassis.privacy import WORKOUT_ASPECTS
from services.workout.errors import WorkoutNotFound
from services.workout.shared import store


def get(conn: Connection, user_id: str, workout_id: str) -> tuple[int, WorkoutPrivacy]:
    """The key of a person's workout, and what was chosen for it.

    Raises:
        WorkoutNotFound
    """
    workout_pk = store.own_key(conn, user_id, workout_id)
    if workout_pk is None:
        raise WorkoutNotFound(workout_id)
    return workout_pk, store.chosen(conn, workout_pk)


def choose(conn: Connection, user_id: str, workout_id: str, privacy: WorkoutPrivacy) -> int:
    """Choose; returns the key of the workout.

    Raises:
        WorkoutNotFound
        InvalidField: a rule is not of workouts, or an aspect has two.
    """
    aspects = [rule.aspect for rule in privacy.rules]
    if not set(aspects) <= WORKOUT_ASPECTS:
        raise InvalidField("privacy.rules", "must be of aspects of workouts")
    if len(set(aspects)) < len(aspects):
        raise InvalidField("privacy.rules", "must hold one rule an aspect")
    workout_pk, _ = get(conn, user_id, workout_id)
    store.choose(conn, user_id, workout_pk, privacy)
    return workout_pk
