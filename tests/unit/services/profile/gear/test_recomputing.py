"""Counting again from what the workout service holds."""

from __future__ import annotations

from pulsemesh.profile.v1 import gear_assignment_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import events_pb2, workout_state_service_pb2
from services.profile.gear import recomputing
from tests.unit.services.profile.gear.conftest import NOW_MS, Garage, amounts, state


def recompute(
    garage: Garage,
    held: dict[str, events_pb2.WorkoutState],
    *,
    dry_run: bool = False,
    asked_ms: int = NOW_MS + 1,
) -> wire.RecomputeGearResponse:
    items = [
        workout_state_service_pb2.ListWorkoutStatesResponse.Item(workout_id=workout_id, state=told)
        for workout_id, told in held.items()
    ]
    return garage.run(recomputing.apply, garage.user_id, items, asked_ms, asked_ms, dry_run=dry_run)


def bike(garage: Garage) -> str:
    made = garage.add("Bike")
    garage.default(made, past=True)
    return made


def test_workouts_whose_events_never_came_are_found(garage: Garage) -> None:
    made = bike(garage)
    done = recompute(garage, {new_ulid(): state(), new_ulid(): state(total=amounts(km=5))})
    assert garage.km(made) == 15
    (difference,) = done.differences
    assert (difference.before.workouts, difference.after.workouts) == (0, 2)
    assert done.workouts_changed == 2


def test_a_dry_run_says_the_same_and_changes_nothing(garage: Garage) -> None:
    made, held = bike(garage), {new_ulid(): state()}
    tried = recompute(garage, held, dry_run=True)
    assert garage.km(made) == 0
    assert recompute(garage, held) == tried
    assert garage.km(made) == 10


def test_a_repeat_finds_nothing(garage: Garage) -> None:
    bike(garage)
    held = {new_ulid(): state()}
    recompute(garage, held)
    assert recompute(garage, held) == wire.RecomputeGearResponse(workouts=1)


def test_a_workout_whose_deletion_was_lost_counts_no_more(garage: Garage) -> None:
    made = bike(garage)
    garage.ride()
    recompute(garage, {})
    assert garage.km(made) == 0


def test_a_workout_that_came_after_the_question_stays(garage: Garage) -> None:
    made = bike(garage)
    garage.ride()
    recompute(garage, {}, asked_ms=NOW_MS - 1)
    assert garage.km(made) == 10


def test_a_newer_state_that_is_known_here_is_not_replaced(garage: Garage) -> None:
    made = bike(garage)
    workout_id = garage.ride()
    garage.take_state(workout_id, state(4, total=amounts(km=7)))
    recompute(garage, {workout_id: state(3)})
    assert garage.km(made) == 7
