"""Every workout counts exactly once, whatever becomes of its events."""

from __future__ import annotations

import pytest

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from services.chassis.errors import NotFound
from tests.unit.services.profile.gear.conftest import (
    CYCLING,
    DAY_MS,
    NOW_MS,
    RUNNING,
    Garage,
    amounts,
    deleted,
    state,
    updated,
)

SHOES = gear_pb2.GEAR_KIND_SHOES


def test_a_workout_told_twice_counts_once(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    event = updated(new_ulid(), state())
    garage.take(event, event)
    assert garage.get(bike).usage == gear_pb2.Usage(
        distance_m=10_000, duration_s=3600, elevation_gain_m=100, work_kj=500, workouts=1
    )


def test_an_older_state_that_comes_late_changes_nothing(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    workout_id = new_ulid()
    garage.take(updated(workout_id, state(3, total=amounts(km=7))), updated(workout_id, state(2)))
    assert garage.km(bike) == 7


def test_another_sport_takes_the_distance_from_the_bike_to_the_shoes(garage: Garage) -> None:
    bike, shoes = garage.add("Bike"), garage.add("Shoes", SHOES)
    garage.default(bike, past=True)
    garage.default(shoes, sport=RUNNING, past=True)
    workout_id = garage.ride()
    garage.take(updated(workout_id, state(2, total=amounts(sport=RUNNING))))
    assert (garage.km(bike), garage.km(shoes)) == (0, 10)


def test_a_hidden_workout_does_not_count_until_it_is_shown(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    workout_id = garage.ride()
    garage.take(updated(workout_id, state(2, hidden=True)))
    assert garage.km(bike) == 0
    garage.take(updated(workout_id, state(3)))
    assert garage.km(bike) == 10


def test_a_deleted_workout_is_not_brought_back_by_a_late_event(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    workout_id = garage.ride()
    garage.take(deleted(workout_id), updated(workout_id, state(5)))
    assert garage.km(bike) == 0
    with pytest.raises(NotFound):
        garage.choose(workout_id, bike)


def test_the_owners_word_stands_above_sensor_and_default(garage: Garage) -> None:
    road, winter, gravel = garage.add("Road"), garage.add("Winter"), garage.add("Gravel")
    garage.default(road, past=True)
    garage.rule(gear_pb2.GearRuleKey(device_id="meter-7"), winter, past=True)
    workout_id = garage.ride(device_ids=["meter-7"])
    assert garage.gear_of(workout_id) == {winter}
    garage.choose(workout_id, gravel)
    assert garage.gear_of(workout_id) == {gravel}
    garage.choose(workout_id, by_rules=True)
    assert garage.gear_of(workout_id) == {winter}


def test_a_sensor_says_which_bike_and_leaves_the_shoes_to_the_default(garage: Garage) -> None:
    road, winter, shoes = garage.add("Road"), garage.add("Winter"), garage.add("Cleats", SHOES)
    garage.default(road, shoes, past=True)
    garage.rule(gear_pb2.GearRuleKey(device_id="meter-7"), winter, past=True)
    assert garage.gear_of(garage.ride(device_ids=["meter-7"])) == {winter, shoes}


def test_an_explicit_nothing_is_nothing(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    workout_id = garage.ride()
    garage.choose(workout_id)
    assert garage.km(bike) == 0


def test_a_choice_made_before_the_event_arrives_waits_for_it(garage: Garage) -> None:
    bike, workout_id = garage.add("Bike"), new_ulid()
    garage.choose(workout_id, bike)
    assert garage.km(bike) == 0
    garage.take(updated(workout_id, state()))
    assert garage.km(bike) == 10


def test_a_new_default_is_for_workouts_from_now_on(garage: Garage) -> None:
    old, new = garage.add("Old"), garage.add("New")
    garage.default(old, past=True)
    garage.ride(NOW_MS - DAY_MS)
    assert garage.default(new) == 0
    garage.ride(NOW_MS + 1000)
    garage.ride(NOW_MS - 2 * DAY_MS)  # recorded long ago, told only now
    assert (garage.km(old), garage.km(new)) == (20, 10)


def test_a_new_default_for_old_workouts_too_says_how_many(garage: Garage) -> None:
    old, new = garage.add("Old"), garage.add("New")
    garage.default(old, past=True)
    chosen = garage.ride()
    garage.ride()
    garage.choose(chosen, old)
    key = gear_pb2.GearRuleKey(sport=gear_pb2.SportKey(sport=CYCLING))
    assert garage.rule(key, new, past=True, dry_run=True) == 1
    assert (garage.km(old), garage.km(new)) == (20, 0)
    assert garage.rule(key, new, past=True) == 1
    assert (garage.km(old), garage.km(new)) == (10, 10)


def test_the_default_of_a_sub_sport_goes_before_that_of_its_sport(garage: Garage) -> None:
    road, gravel = garage.add("Road"), garage.add("Gravel")
    garage.default(road, past=True)
    garage.default(gravel, sub_sport=sport_pb2.SUB_SPORT_GRAVEL, past=True)
    garage.ride(total=amounts(sub_sport=sport_pb2.SUB_SPORT_GRAVEL))
    garage.ride(total=amounts(sub_sport=sport_pb2.SUB_SPORT_ROAD))
    assert (garage.km(road), garage.km(gravel)) == (10, 10)


def test_a_triathlon_counts_the_ride_for_the_bike_and_the_run_for_the_shoes(garage: Garage) -> None:
    bike, shoes = garage.add("Bike"), garage.add("Shoes", SHOES)
    garage.default(bike, past=True)
    garage.default(shoes, sport=RUNNING, past=True)
    parts = [amounts(km=1.5, sport=sport_pb2.SPORT_SWIMMING), amounts(km=40), amounts(km=10, sport=RUNNING)]
    total = amounts(km=51.5, sport=sport_pb2.SPORT_MULTISPORT)
    workout_id = garage.ride(total=total, parts=parts)
    assert (garage.km(bike), garage.km(shoes)) == (40, 10)
    garage.choose(workout_id, bike, shoes)
    assert (garage.km(bike), garage.km(shoes)) == (40, 10)


def test_gear_of_the_name_in_the_file_gets_the_workout(garage: Garage) -> None:
    garage.default(garage.add("Other"), past=True)
    workout_id = garage.ride(gear="  Röd  RACER")
    racer = garage.add("röd racer")
    assert garage.gear_of(workout_id) == {racer}


def test_an_imported_name_brings_old_workouts_to_new_gear(garage: Garage) -> None:
    workout_id = garage.ride(gear="b1234567")
    racer = garage.add("Racer", imported_names=["B1234567"])
    assert garage.gear_of(workout_id) == {racer}


def test_renamed_gear_keeps_the_workouts_that_knew_its_old_name(garage: Garage) -> None:
    bike = garage.add("Racer")
    workout_id = garage.ride(gear="Racer")
    garage.update(bike, name="Old racer")
    assert garage.gear_of(workout_id) == {bike}


def test_rules_give_nothing_retired_to_later_workouts(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    garage.ride(NOW_MS - 3 * DAY_MS)
    garage.ride(NOW_MS - DAY_MS)
    garage.retire(bike, NOW_MS - 2 * DAY_MS)
    assert garage.km(bike) == 10
    garage.restore(bike)
    assert garage.km(bike) == 20


def test_numbers_that_are_none_count_nothing(garage: Garage) -> None:
    bike = garage.add("Bike")
    garage.default(bike, past=True)
    garage.ride(total=amounts(km=float("nan"), hours=float("inf")))
    garage.ride(total=amounts(km=-5, hours=-1))
    assert garage.get(bike).usage.distance_m == 0
    assert garage.get(bike).usage.workouts == 2


def test_what_another_person_has_is_not_theirs_to_use(garage: Garage) -> None:
    bike = garage.add("Bike")
    stranger = Garage(garage.engine, user_id="eu_01J00000000000000000000009")
    with pytest.raises(NotFound):
        stranger.choose(new_ulid(), bike)
    with pytest.raises(NotFound):
        stranger.default(bike)
    with pytest.raises(NotFound):
        stranger.get(bike)
