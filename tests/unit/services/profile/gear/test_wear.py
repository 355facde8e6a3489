"""An owner is told once of each step of each target in each cycle."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from services.profile.gear import alerting, inventory, listing, servicing
from services.profile.gear.store import wear as store
from tests.unit.services.profile.gear.conftest import DAY_MS, NOW_MS, Garage, amounts, deleted

DISTANCE, AGE = gear_pb2.WEAR_METRIC_DISTANCE, gear_pb2.WEAR_METRIC_AGE


def target(garage: Garage, gear_id: str, limit: float, metric: int = DISTANCE, since_ms: int = 0) -> None:
    request = wire.SetWearTargetRequest(gear_id=gear_id, metric=metric, limit=limit)  # type: ignore[arg-type]
    if since_ms:
        request.counted_from.FromMilliseconds(since_ms)
    garage.run(servicing.set_target, garage.user_id, request, garage.now_ms)


def service(garage: Garage, gear_id: str, at_ms: int) -> str:
    record = gear_pb2.ServiceRecord(description="waxed", resets=[DISTANCE])
    record.serviced_at.FromMilliseconds(at_ms)
    request = wire.AddServiceRecordRequest(gear_id=gear_id, record=record)
    return garage.run(servicing.add_record, garage.user_id, request, garage.now_ms)


def steps(garage: Garage) -> list[int]:
    return [told.step_percent for told in garage.alerts_told()]


def bike(garage: Garage) -> str:
    made = garage.add("Bike")
    garage.default(made, past=True)
    return made


def test_both_steps_are_told_once_each(garage: Garage) -> None:
    target(garage, bike(garage), 100_000)
    for _ in range(8):
        garage.ride()
    assert steps(garage) == []
    for _ in range(5):
        garage.ride()
    assert steps(garage) == [90, 100]


def test_a_step_is_not_told_again_after_a_workout_was_deleted(garage: Garage) -> None:
    target(garage, bike(garage), 10_000)
    garage.take(deleted(garage.ride()))
    garage.ride()
    assert steps(garage) == [100]


def test_the_component_is_told_of_when_its_bike_is_ridden(garage: Garage) -> None:
    made, chain = bike(garage), garage.component("Chain")
    garage.install(chain, made, NOW_MS - DAY_MS)
    target(garage, chain, 10_000)
    garage.ride()
    (told,) = garage.alerts_told()
    assert (told.gear_id, told.component_type, told.used) == (chain, "chain", 10_000)


def test_a_service_begins_a_cycle_in_which_it_is_told_again(garage: Garage) -> None:
    made = bike(garage)
    target(garage, made, 10_000)
    garage.ride(NOW_MS - 3 * DAY_MS)
    record = service(garage, made, NOW_MS - 2 * DAY_MS)
    assert garage.get(made).targets[0].used == 0
    garage.ride(NOW_MS - DAY_MS)
    assert steps(garage) == [100, 100]
    garage.run(servicing.delete_record, garage.user_id, record, garage.now_ms)
    assert garage.get(made).targets[0].used == 20_000
    assert steps(garage) == [100, 100]


def test_earlier_use_counts_until_the_first_service(garage: Garage) -> None:
    made = garage.add("Old bike", earlier_use=gear_pb2.EarlierUse(distance_m=95_000))
    target(garage, made, 100_000)
    assert steps(garage) == [90]
    service(garage, made, NOW_MS)
    assert garage.get(made).targets[0].used == 0


def test_age_is_told_of_without_any_ride(garage: Garage) -> None:
    target(garage, garage.add("Bike", purchased_on="2026-01-01"), 200, AGE)
    assert steps(garage) == []
    assert garage.run(store.due, NOW_MS, 10) == []
    (due,) = garage.run(store.due, NOW_MS + 100 * DAY_MS, 10)

    def look(conn: Connection, now_ms: int) -> None:
        store.settle_due(conn, due.gear_pk, now_ms)
        alerting.gear_changed(conn, garage.user_id, due.gear_pk, now_ms)

    garage.run(look, NOW_MS + 33 * DAY_MS)
    assert steps(garage) == [90]
    garage.run(look, NOW_MS + 100 * DAY_MS)
    assert steps(garage) == [90, 100]
    assert garage.run(store.due, NOW_MS + 9999 * DAY_MS, 10) == []


def test_alerts_are_those_of_gear_in_use_the_most_worn_first(garage: Garage) -> None:
    made, shoes = bike(garage), garage.add("Shoes", gear_pb2.GEAR_KIND_SHOES)
    retired = garage.add("Worn out")
    for each, limit in ((made, 10_500), (shoes, 5_000), (retired, 1_000)):
        target(garage, each, limit)
    garage.choose(garage.ride(), made, shoes, retired)
    garage.retire(retired, NOW_MS)
    found = garage.run(listing.alerts, garage.user_id, garage.now_ms)
    assert [(alert.gear.gear_id, alert.target.percent) for alert in found] == [(shoes, 200), (made, 95)]


def test_the_usual_limits_of_a_type_become_targets(garage: Garage) -> None:
    gear = gear_pb2.Gear(name="Chain", kind=gear_pb2.GEAR_KIND_COMPONENT, component_type="chain")
    request = wire.CreateGearRequest(gear=gear, usual_targets=True)
    made = garage.run(inventory.create, garage.user_id, request, garage.now_ms)
    assert [(each.metric, each.limit) for each in garage.get(made).targets] == [(DISTANCE, 4_000_000)]


def test_one_ride_past_both_steps_is_told_as_the_higher(garage: Garage) -> None:
    target(garage, bike(garage), 50_000)
    garage.ride(total=amounts(km=60))
    assert steps(garage) == [100]
