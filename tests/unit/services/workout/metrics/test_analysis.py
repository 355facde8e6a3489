"""All numbers of a workout together: what must hold whatever was done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.metrics import Metrics, Options, analyse, curve_at_every_duration, custom
from services.workout.metrics.curves import full_curve
from services.workout.summary import Part, build_track
from tests.unit.services.workout.metrics.builders import (
    ATHLETE,
    CYCLING,
    FEW,
    PAUSE,
    RESUME,
    RUNNING,
    SWIMMING,
    T0,
    TRANSITION,
    constant,
    metrics,
    source,
)

POWER = int(channel_pb2.CHANNEL_POWER)


@st.composite
def rides(draw: st.DrawFn) -> np.ndarray:
    """Power of some minutes, in whole watts."""
    blocks = draw(st.lists(st.tuples(st.integers(0, 600), st.integers(1, 90)), min_size=1, max_size=8))
    return np.concatenate([np.full(seconds, float(watts)) for watts, seconds in blocks])


def test_an_hour_at_threshold() -> None:
    made = metrics(constant(3600, power=250, heart_rate=170, cadence=90)).whole
    assert made.load.recorded_s == 3600
    assert made.load.normalized_power_w == made.load.average_power_w == pytest.approx(250)
    assert made.load.training_stress_score == pytest.approx(100)
    assert made.load.variability_index == pytest.approx(1)
    assert made.load.work_kj == pytest.approx(900)
    assert made.load.work_above_critical_power_kj == pytest.approx(36)
    assert made.load.decoupling_percent == pytest.approx(0)
    power = next(curve for curve in made.curves if curve.channel == POWER)
    assert power.values.tolist() == [250] * len(power.durations_s)
    assert made.w_prime_balance is not None
    assert made.w_prime_balance.minimum_j == pytest.approx(20_000 - 36_000)


def test_the_track_of_the_summary_gives_the_same_as_the_samples() -> None:
    ride = constant(600, power=200, heart_rate=140)
    track = build_track([ride], start_ms=T0)
    whole = analyse(track, sport=CYCLING, sub_sport=0, thresholds=ATHLETE, start_ms=T0).whole
    assert whole.load == metrics(ride).whole.load


def test_no_sample_has_no_numbers() -> None:
    made = metrics().whole
    assert made.load.stress_score is None
    assert not (made.curves)
    assert not (made.zones)
    assert not (made.intervals)
    assert not (made.best_efforts)


def test_a_pause_does_not_count_into_the_load_but_recovers() -> None:
    seconds = np.concatenate((np.arange(600), np.arange(1200, 1800)))
    ride = source(seconds, power=np.full(1200, 300))
    marked = source([600, 1200], marker=[PAUSE, RESUME])
    paused, through = metrics(ride, marked).whole, metrics(constant(1200, power=300)).whole
    assert paused.load.training_stress_score == pytest.approx(through.load.training_stress_score, rel=0.01)
    assert paused.w_prime_balance is not None
    assert through.w_prime_balance is not None
    assert paused.w_prime_balance.minimum_j > through.w_prime_balance.minimum_j + 5000
    best = next(curve for curve in paused.curves if curve.channel == POWER)
    assert best.at(600) == pytest.approx(300)
    assert best.at(1800) == pytest.approx(200, rel=0.001)


def test_a_triathlon_is_the_sum_of_its_sports() -> None:
    parts = [
        Part(SWIMMING, 0, T0, T0 + 600_000),
        Part(TRANSITION, 0, T0 + 600_000, T0 + 660_000),
        Part(CYCLING, 0, T0 + 660_000, T0 + 4_260_000),
        Part(RUNNING, 0, T0 + 4_260_000, T0 + 6_061_000),
    ]
    seconds = np.arange(6061)
    swimming, riding = seconds < 600, (seconds >= 660) & (seconds < 4260)
    race = source(
        seconds,
        speed=np.select([swimming, seconds >= 4260], [1.25, 3.6], np.nan),
        power=np.where(riding, 200, np.nan),
        heart_rate=np.select([swimming, riding, seconds >= 4260], [140, 150, 165], 120),
    )
    made = metrics(race, sport=int(sport_pb2.SPORT_MULTISPORT), sessions=parts)
    swum, changed, ridden, ran = (session.load for session in made.sessions)
    assert swum.swimming_stress_score == pytest.approx(600 / 36, rel=0.01)
    assert ridden.training_stress_score == pytest.approx(64, rel=0.01)
    assert ran.running_stress_score == pytest.approx(1800 / 36 * 0.81, rel=0.01)
    assert changed.training_stress_score is None
    assert changed.heart_rate_stress_score is not None
    whole = made.whole.load
    assert whole.training_stress_score == ridden.training_stress_score
    assert whole.stress_score == pytest.approx(
        sum(load.stress_score for load in (swum, changed, ridden, ran) if load.stress_score is not None)
    )
    assert whole.normalized_power_w is None
    rate = next(times for times in made.whole.zones if times.model.name == "heart_rate/coggan")
    assert sum(rate.seconds) == whole.recorded_s


def test_sessions_of_one_sport_are_a_whole_of_that_sport() -> None:
    parts = [Part(CYCLING, 0, T0, T0 + 1_800_000), Part(CYCLING, 0, T0 + 1_800_000, T0 + 3_600_000)]
    made = metrics(constant(3601, power=250), sessions=parts)
    assert made.whole.load.training_stress_score == pytest.approx(100, rel=0.001)
    assert len(made.sessions) == 2


def test_bounds_of_ones_own_are_told_too() -> None:
    options = Options(zones=(custom("power/mine", POWER, [150]), custom("cadence/mine", 7, [80])))
    made = analyse(
        [constant(100, power=200, cadence=70)],
        sport=CYCLING,
        sub_sport=0,
        thresholds=ATHLETE,
        start_ms=T0,
        options=options,
    )
    told = {times.model.name: times.seconds for times in made.whole.zones}
    assert told["power/mine"] == (0, 100)
    assert told["cadence/mine"] == (100, 0)


def test_the_curve_at_every_duration_on_demand() -> None:
    watts = np.array([100.0, 300, 200, 50, 250])
    track = build_track([source(np.arange(5), power=watts)], start_ms=T0)
    curve = curve_at_every_duration(track, POWER, CYCLING)
    assert curve is not None
    assert curve.values == pytest.approx(full_curve(POWER, watts).values)
    assert curve_at_every_duration(track, 6, CYCLING) is None


def test_no_number_is_guessed_without_a_threshold() -> None:
    ride = constant(3600, power=200, heart_rate=150, cadence=90, speed=8)
    for name in ("functional_threshold_power_w", "max_heart_rate_bpm", "critical_power_w", "sex"):
        without = metrics(ride, thresholds=replace(ATHLETE, **{name: None})).whole
        if name == "functional_threshold_power_w":
            assert without.load.training_stress_score is None
            assert without.quadrants is None
        if name == "max_heart_rate_bpm":
            assert without.load.trimp_edwards is None
            assert without.load.trimp_banister is None
        if name == "critical_power_w":
            assert without.w_prime_balance is None
        if name == "sex":
            assert without.load.trimp_banister is None


def numbers(made: Metrics) -> list[float]:
    """What must not depend on the date or on how samples were split."""
    load = made.whole.load
    told = [load.recorded_s, load.average_power_w, load.normalized_power_w, load.training_stress_score]
    told += [load.work_kj, load.trimp_edwards, load.left_power_percent]
    told += [value for curve in made.whole.curves for value in curve.values.tolist()]
    told += [value for times in made.whole.zones for value in times.seconds]
    return [-1.0 if value is None else value for value in told]


@FEW
@given(rides(), st.integers(-(10**11), 10**11))
def test_the_date_changes_nothing(watts: np.ndarray, shift_ms: int) -> None:
    ride = source(np.arange(len(watts)), power=watts, heart_rate=np.full(len(watts), 140))
    assert numbers(metrics(ride)) == numbers(metrics(ride.shifted(shift_ms)))


@FEW
@given(rides(), st.floats(0, 1))
def test_splitting_the_samples_changes_nothing(watts: np.ndarray, share: float) -> None:
    ride = source(np.arange(len(watts)), power=watts, heart_rate=np.full(len(watts), 140))
    cut = round(share * len(watts))
    halves = ride.take(slice(cut, None)), ride.take(slice(0, cut))
    sources = [half for half in halves if len(half)]
    # Another source fills in only where the first is silent for ten seconds: so at the seam some are held.
    joined = metrics(*(half for half in [ride.take(np.r_[cut : len(ride), 0:cut])]))
    assert numbers(joined) == numbers(metrics(ride))
    assert sum(len(half) for half in sources) == len(ride)


@FEW
@given(rides(), st.floats(0.05, 0.95))
def test_work_and_time_of_two_sessions_are_those_of_the_whole(watts: np.ndarray, share: float) -> None:
    ride = source(np.arange(len(watts)), power=watts)
    cut = T0 + round(share * len(watts)) * 1000
    parts = [Part(CYCLING, 0, T0, cut), Part(CYCLING, 0, cut, T0 + len(watts) * 1000)]
    made = metrics(ride, sessions=parts)
    assert sum(session.load.recorded_s for session in made.sessions) == made.whole.load.recorded_s
    work = [session.load.work_kj or 0 for session in made.sessions]
    assert sum(work) == pytest.approx(made.whole.load.work_kj or 0)


@FEW
@given(rides())
def test_twice_the_power_against_twice_the_threshold_is_the_same_stress(watts: np.ndarray) -> None:
    double = replace(ATHLETE, functional_threshold_power_w=500)
    one = metrics(source(np.arange(len(watts)), power=watts)).whole.load
    two = metrics(source(np.arange(len(watts)), power=watts * 2), thresholds=double).whole.load
    assert (one.training_stress_score or 0) == pytest.approx(two.training_stress_score or 0)


@FEW
@given(rides())
def test_zones_hold_the_recorded_time(watts: np.ndarray) -> None:
    made = metrics(source(np.arange(len(watts)), power=watts, heart_rate=np.full(len(watts), 150))).whole
    assert made.zones
    for times in made.zones:
        assert sum(times.seconds) == made.load.recorded_s
