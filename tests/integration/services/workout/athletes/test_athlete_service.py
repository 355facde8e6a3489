"""The numbers of an athlete through the service, on both databases."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import athlete_pb2, athlete_service_pb2_grpc
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis.consent import DevelopmentConsentGate
from services.workout.analysis.analyst import Analyst
from tests.integration.services.workout.conftest import Sent

DAY_MS = 86_400_000
# 2025-06-02, a Monday, 10:00 UTC.
MONDAY_MS = 1_748_858_400_000
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)

CYCLING, RUNNING = int(sport_pb2.SPORT_CYCLING), int(sport_pb2.SPORT_RUNNING)

ALLOWED = DevelopmentConsentGate(development=True)


class Athlete:
    """A person who trains, and asks."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.stub = athlete_service_pb2_grpc.AthleteServiceStub(rig.channel)
        self.analyst = Analyst(rig.database, rig.clock, consent=ALLOWED)

    async def trains(self, day: int, power_w: int, seconds: int = 1300, *, sport: int = CYCLING) -> str:
        """A steady workout at 10:00 UTC of that day after the Monday, analysed."""
        start_ms = MONDAY_MS + day * DAY_MS
        columns = {
            int(channel_pb2.CHANNEL_POWER): [power_w] * seconds,
            int(channel_pb2.CHANNEL_HEART_RATE): [140] * seconds,
            int(channel_pb2.CHANNEL_SPEED): [4000] * seconds,
        }
        sent = Sent("meter", [start_ms + second * 1000 for second in range(seconds)], columns)
        _, response = await self.rig.append([sent], sport=sport, start_ms=start_ms)
        await self.analyst.work()
        return str(response.closed.workout_id)

    async def asks(self, method: str, request: Any) -> Any:
        return await getattr(self.stub, method)(request, metadata=self.rig.who)

    async def sets(self, **values: Any) -> athlete_pb2.Recomputation:
        request = wire.SetThresholdsRequest()
        for name, value in values.items():
            if name in request.DESCRIPTOR.fields_by_name:
                setattr(request, name, value)
            else:
                setattr(request.thresholds, name, value)
        answer: wire.SetThresholdsResponse = await self.asks("SetThresholds", request)
        return answer.recomputation


@pytest.fixture
def athlete(rig: Any) -> Athlete:
    return Athlete(rig)


async def fitness(athlete: Athlete, **asked: Any) -> athlete_pb2.Fitness:
    request = wire.GetFitnessRequest(last_day="2025-06-15", **asked)
    answer: wire.GetFitnessResponse = await athlete.asks("GetFitness", request)
    return answer.fitness


async def test_thresholds_make_loads_and_loads_make_fitness(athlete: Athlete) -> None:
    await athlete.sets(functional_threshold_power_w=250.0)
    await athlete.trains(0, 250, 3600)
    answer = await fitness(athlete)
    assert answer.first_day == "2025-06-02"
    assert len(answer.load) == 14
    assert answer.load[0] == pytest.approx(100, abs=1.5)
    assert answer.chronic[0] == pytest.approx(answer.load[0] * 0.02353, rel=1e-3)
    assert answer.balance[0] == 0
    assert answer.balance[1] == pytest.approx(answer.chronic[0] - answer.acute[0])


@both
async def test_a_threshold_recomputes_exactly_the_workouts_from_its_day_on(athlete: Athlete) -> None:
    await athlete.sets(functional_threshold_power_w=250.0)
    for day in range(4):
        await athlete.trains(day, 200)
    begun = await athlete.sets(functional_threshold_power_w=300.0, effective_from="2025-06-04")
    assert (begun.total, begun.done, begun.finished) == (2, 0, False)
    before = await fitness(athlete)
    assert await athlete.analyst.work() == 2
    request = wire.GetRecomputationRequest(recomputation_id=begun.recomputation_id)
    after = (await athlete.asks("GetRecomputation", request)).recomputation
    assert (after.done, after.finished, after.failed) == (2, True, 0)
    loads = (await fitness(athlete)).load
    assert loads[:2] == before.load[:2]
    assert loads[2] == pytest.approx(before.load[2] * (250 / 300) ** 2, rel=0.01)


async def test_the_same_request_again_changes_nothing_and_gets_the_same_answer(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    first = await athlete.sets(functional_threshold_power_w=250.0, request_id="one")
    await athlete.analyst.work()
    again = await athlete.sets(functional_threshold_power_w=250.0, request_id="one")
    assert (again.recomputation_id, again.finished) == (first.recomputation_id, True)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await athlete.sets(functional_threshold_power_w=260.0, request_id="one")
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS or "request" in (
        caught.value.details() or ""
    )


async def test_what_changes_no_value_recomputes_nothing(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    await athlete.sets(functional_threshold_power_w=250.0)
    assert (await athlete.sets(functional_threshold_power_w=250.0, effective_from="2025-01-01")).finished


async def test_a_threshold_of_a_sport_goes_before_that_of_all(athlete: Athlete) -> None:
    await athlete.sets(functional_threshold_power_w=250.0)
    await athlete.sets(functional_threshold_power_w=280.0, sport=RUNNING, since_ever=True)
    of = {}
    for sport in (CYCLING, RUNNING):
        request = wire.GetThresholdsRequest(day="2025-06-02", sport=sport_pb2.Sport.ValueType(sport))
        of[sport] = (await athlete.asks("GetThresholds", request)).thresholds.functional_threshold_power_w
    assert of == {CYCLING: 250, RUNNING: 280}


@both
async def test_deleting_a_threshold_brings_the_one_before_back(athlete: Athlete) -> None:
    await athlete.sets(functional_threshold_power_w=250.0)
    await athlete.sets(functional_threshold_power_w=300.0, effective_from="2025-06-04")
    await athlete.trains(3, 200)
    request = wire.DeleteThresholdsRequest(effective_from="2025-06-04")
    assert (await athlete.asks("DeleteThresholds", request)).recomputation.total == 1
    listed = await athlete.asks("ListThresholds", wire.ListThresholdsRequest())
    assert [
        (entry.effective_from, entry.thresholds.functional_threshold_power_w) for entry in listed.entries
    ] == [("", 250)]


async def test_watching_a_recomputation_ends_when_it_is_finished(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    begun = await athlete.sets(functional_threshold_power_w=250.0)
    request = wire.WatchRecomputationRequest(recomputation_id=begun.recomputation_id)
    call = athlete.stub.WatchRecomputation(request, metadata=athlete.rig.who)
    messages = aiter(call)
    assert not (await anext(messages)).recomputation.finished
    await athlete.analyst.work()
    assert [message.recomputation.finished async for message in messages] == [True]


async def test_a_day_begins_at_midnight_where_the_athlete_lives(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    settings = athlete_pb2.AthleteSettings(time_zone="Pacific/Auckland")
    await athlete.asks("UpdateAthleteSettings", wire.UpdateAthleteSettingsRequest(settings=settings))
    assert (await fitness(athlete)).first_day == "2025-06-02"
    settings.time_zone = "Pacific/Kiritimati"  # UTC+14
    await athlete.asks("UpdateAthleteSettings", wire.UpdateAthleteSettingsRequest(settings=settings))
    assert (await fitness(athlete)).first_day == "2025-06-03"


async def test_totals_add_up_by_week_and_sport(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    await athlete.trains(6, 200)
    await athlete.trains(7, 200, sport=RUNNING)
    request = wire.ListTotalsRequest(period=athlete_pb2.PERIOD_WEEK, by_sport=True)
    listed = (await athlete.asks("ListTotals", request)).totals
    assert [(each.first_day, each.sport, each.workouts) for each in listed] == [
        ("2025-06-02", CYCLING, 2),
        ("2025-06-09", RUNNING, 1),
    ]
    assert listed[0].distance_m == pytest.approx(2 * 1299 * 4, rel=0.01)


@both
async def test_records_tell_what_was_improved_and_by_how_much(athlete: Athlete) -> None:
    first = await athlete.trains(0, 200)
    await athlete.trains(1, 180)
    best = await athlete.trains(2, 230)
    request = wire.ListRecordsRequest(kinds=["power/300"], history=True)
    listed = (await athlete.asks("ListRecords", request)).records
    assert [(each.workout_id, each.current, each.effort.value) for each in listed] == [
        (best, True, 230),
        (first, False, 200),
    ]
    assert listed[0].improvement == 30


@both
async def test_the_power_curve_names_the_workouts_and_the_models_their_errors(athlete: Athlete) -> None:
    for day, (power, seconds) in enumerate([(400, 185), (330, 370), (300, 730), (285, 1300)]):
        await athlete.trains(day, power, seconds)
    request = wire.GetPowerDurationRequest(last_day="2025-06-15")
    answer = await athlete.asks("GetPowerDuration", request)
    values = [point.power_w for point in answer.curve]
    assert values == sorted(values, reverse=True)
    assert len({point.workout_id for point in answer.curve}) == 4
    linear = answer.models[0]
    assert not linear.refused
    assert 240 < linear.critical_power_w < 290
    assert linear.critical_power_error_w > 0
    empty = await athlete.asks("GetPowerDuration", wire.GetPowerDurationRequest(last_day="2024-01-01"))
    assert all(model.refused for model in empty.models)


@both
async def test_suggestions_are_made_and_never_applied(athlete: Athlete) -> None:
    await athlete.trains(0, 300)
    athlete.rig.clock.ahead_ms = MONDAY_MS + DAY_MS - athlete.rig.clock() + athlete.rig.clock.ahead_ms
    request = wire.ListThresholdSuggestionsRequest(days=10)
    found = (await athlete.asks("ListThresholdSuggestions", request)).suggestions
    suggested = {each.field: each for each in found}
    assert suggested["functional_threshold_power_w"].value == pytest.approx(285)
    assert not suggested["functional_threshold_power_w"].HasField("current")
    held = (await athlete.asks("GetThresholds", wire.GetThresholdsRequest())).thresholds
    assert held == type(held)()


async def test_oxygen_uptake_comes_from_efforts_first_and_heart_rates_last(athlete: Athlete) -> None:
    await athlete.sets(weight_kg=70.0, maximum_heart_rate_bpm=190.0, resting_heart_rate_bpm=50.0)
    await athlete.trains(0, 300)
    answer = await athlete.asks("GetVo2Max", wire.GetVo2MaxRequest(day="2025-06-10"))
    assert [each.method for each in answer.estimates] == [1, 3]
    assert answer.estimates[0].vo2max == pytest.approx(10.8 * 300 / 70 + 7)
    assert answer.estimates[1].vo2max == pytest.approx(15.3 * 190 / 50)


async def test_another_person_sees_nothing_of_it(athlete: Athlete) -> None:
    await athlete.trains(0, 200)
    begun = await athlete.sets(functional_threshold_power_w=250.0)
    stranger = Athlete(athlete.rig.as_user("eu_01J00000000000000000000009"))
    assert not (await fitness(stranger)).load
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stranger.asks(
            "GetRecomputation", wire.GetRecomputationRequest(recomputation_id=begun.recomputation_id)
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("day", ["2025-02-30", "0000-01-01"])
async def test_a_day_that_does_not_exist_is_refused(athlete: Athlete, day: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await fitness(athlete, first_day=day)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
