"""A component counts what its gear did while it was installed, also after the history is corrected."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from services.chassis.errors import FailedPrecondition, InvalidField
from services.profile.gear import installing
from services.profile.gear.catalogue import component_types
from tests.unit.services.profile.gear.conftest import DAY_MS, NOW_MS, Garage, amounts, deleted, make_garage


def days(number: float) -> int:
    """So many days before now."""
    return round(NOW_MS - number * DAY_MS)


def correct(
    garage: Garage, installation_id: str, from_ms: int | None = None, until_ms: int | None = None
) -> None:
    request = wire.CorrectInstallationRequest(installation_id=installation_id)
    if from_ms is not None:
        request.installed_at.FromMilliseconds(from_ms)
    if until_ms is not None:
        request.removed_at.FromMilliseconds(until_ms)
    garage.run(installing.correct, garage.user_id, request, garage.now_ms)


@pytest.fixture
def bike(garage: Garage) -> str:
    """A bike that was ridden 10 km on each of the last nine days, at noon of them so to say."""
    made = garage.add("Bike")
    garage.default(made, past=True)
    for day in range(1, 10):
        garage.ride(days(day))
    return made


def test_a_component_counts_from_the_ride_that_begins_when_it_is_installed(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    garage.install(chain, bike, days(3))
    assert garage.km(chain) == 30
    garage.remove(chain, days(1))
    assert garage.km(chain) == 20


def test_moving_a_component_leaves_what_it_did_with_it(garage: Garage, bike: str) -> None:
    other, chain = garage.add("Other"), garage.component("Chain")
    garage.install(chain, bike, days(9))
    garage.install(chain, other, days(5))
    garage.choose(garage.ride(days(2)), other)
    assert garage.km(chain) == 50
    assert garage.get(chain).installed_on_gear_id == other


def test_a_corrected_date_gives_what_it_would_have_given_at_once(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    installation = garage.install(chain, bike, days(3))
    correct(garage, installation, days(7), days(5.5))
    assert garage.km(chain) == 20


def test_a_component_sits_on_one_thing_at_a_time(garage: Garage, bike: str) -> None:
    other, chain = garage.add("Other"), garage.component("Chain")
    first = garage.install(chain, bike, days(8))
    garage.remove(chain, days(6))
    garage.install(chain, other, days(5))
    with pytest.raises(FailedPrecondition):
        garage.install(chain, bike, days(7))
    with pytest.raises(FailedPrecondition):
        correct(garage, first, until_ms=days(4))
    correct(garage, first, until_ms=days(5))


def test_installing_where_it_sits_already_changes_nothing(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    assert garage.install(chain, bike, days(3)) == garage.install(chain, bike)


def test_an_insole_sits_on_no_bike(garage: Garage, bike: str) -> None:
    with pytest.raises(InvalidField):
        garage.install(garage.component("Insoles", "insoles"), bike)
    with pytest.raises(InvalidField):
        garage.install(bike, bike)


def test_deleting_a_bike_leaves_its_chain_what_it_did(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    garage.install(chain, bike, days(4))
    assert garage.delete(bike)
    assert not garage.delete(bike)
    garage.ride(NOW_MS + 1000)
    assert garage.km(chain) == 40
    assert garage.get(chain).installed_on_gear_id == ""


def test_a_deleted_workout_is_taken_back_from_the_component_too(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    garage.install(chain, bike, days(4))
    extra = garage.ride(days(0.5), total=amounts(km=99))
    assert garage.km(chain) == 139
    garage.take(deleted(extra))
    assert garage.km(chain) == 40


def test_a_retired_component_is_off_the_bike(garage: Garage, bike: str) -> None:
    chain = garage.component("Chain")
    garage.install(chain, bike, days(4))
    garage.retire(chain, days(2))
    assert garage.km(chain) == 20
    assert garage.get(chain).installed_on_gear_id == ""


@settings(max_examples=15, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=6),
    rides=st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=12),
)
def test_usage_is_the_sum_over_the_intervals(
    moves: list[tuple[int, bool]], rides: list[tuple[int, bool]]
) -> None:
    garage = make_garage()
    bikes = (garage.add("First"), garage.add("Second"))
    chain = garage.component("Chain")
    for number, (day, second) in enumerate(rides):
        garage.choose(garage.ride(days(day), total=amounts(km=2**number)), bikes[second])
    place: dict[int, bool] = {}
    for day, second in sorted(moves, reverse=True):
        if day in place:
            continue
        garage.install(chain, bikes[second], days(day))
        place[day] = second
    expected = 0
    for number, (day, second) in enumerate(rides):
        since = [moved for moved in place if moved >= day]
        if since and place[min(since)] == second:
            expected += 2**number
    assert garage.km(chain) == expected
    garage.engine.dispose()


def test_the_catalogue_has_what_a_bike_is_made_of() -> None:
    known = component_types()
    assert {"chain", "cassette", "front_tyre", "rear_brake_pads", "crankset", "power_meter_battery"} <= set(
        known
    )
    assert list(known["insoles"].fits) == [gear_pb2.GEAR_KIND_SHOES]
