"""The state of a workout that its events carry."""

from __future__ import annotations

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout.events import workout_state


def workout(**fields: object) -> workout_pb2.Workout:
    made = workout_pb2.Workout(sport=sport_pb2.SPORT_CYCLING, **fields)  # type: ignore[arg-type]
    made.start_time.FromMilliseconds(1_750_000_000_000)
    return made


def session(sport: sport_pb2.Sport.ValueType, distance_m: float) -> workout_pb2.Session:
    return workout_pb2.Session(
        part=recording_pb2.SessionPart(sport=sport), summary=workout_pb2.Summary(distance_m=distance_m)
    )


def test_a_workout_just_made_is_version_one() -> None:
    assert workout_state(workout()).version == 1


def test_the_version_is_that_of_the_etag() -> None:
    assert workout_state(workout(etag="v12")).version == 12


def test_time_in_motion_goes_before_time_with_the_clock_running() -> None:
    summary = workout_pb2.Summary(elapsed_s=30, timer_s=20, moving_s=10)
    assert workout_state(workout(summary=summary)).total.duration_s == 10
    summary.ClearField("moving_s")
    assert workout_state(workout(summary=summary)).total.duration_s == 20


def test_a_distance_that_was_not_measured_is_absent() -> None:
    assert not workout_state(workout()).total.HasField("distance_m")


def test_the_sessions_of_a_triathlon_are_told_one_by_one() -> None:
    parts = [session(sport_pb2.SPORT_CYCLING, 40_000), session(sport_pb2.SPORT_RUNNING, 10_000)]
    assert [part.distance_m for part in workout_state(workout(sessions=parts)).parts] == [40_000, 10_000]
    assert not workout_state(workout(sessions=parts[:1])).parts


def test_each_device_is_told_once() -> None:
    devices = [recording_pb2.Device(device_id=name) for name in ("strap", "meter", "strap", "")]
    sources = [recording_pb2.SourceProgress(device=device) for device in devices]
    assert workout_state(workout(sources=sources)).device_ids == ["meter", "strap"]
