from __future__ import annotations

import numpy as np
import pytest

from ingest_edge.simulator.athlete import Athlete, BicycleMotion, HeartRate, Loop, wandering


def settled_speed_mps(power_w: float, slope: float = 0.0) -> float:
    motion = BicycleMotion(Athlete())
    for _ in range(900):
        motion.advance(power_w, slope)
    return motion.speed_mps


def test_two_hundred_watts_on_the_flat_are_about_thirty_five_kilometres_an_hour() -> None:
    assert settled_speed_mps(200) * 3.6 == pytest.approx(35, abs=2)


def test_at_a_steady_speed_power_balances_the_forces() -> None:
    athlete = Athlete()
    speed = settled_speed_mps(250, slope=0.05)
    mass = athlete.mass_kg + athlete.bicycle_mass_kg
    weight = mass * 9.80665 / np.hypot(1, 0.05)
    force = 0.5 * 1.2 * athlete.drag_area_m2 * speed**2 + weight * (athlete.rolling_resistance + 0.05)
    assert force * speed == pytest.approx(250 * athlete.drivetrain_efficiency, rel=0.001)


def test_a_descent_does_not_run_away() -> None:
    assert 15 < settled_speed_mps(0, slope=-0.12) < 25


def test_braking_stops_and_stays() -> None:
    motion = BicycleMotion(Athlete(), speed_mps=10)
    for _ in range(10):
        motion.advance(0, braking=True)
    assert motion.speed_mps == 0


def test_the_heart_follows_effort_late_and_comes_down_more_slowly() -> None:
    heart = HeartRate(Athlete(), np.random.default_rng(1))
    easy = heart.bpm
    after_ten = [heart.advance(1.0) for _ in range(10)][-1]
    settled = [heart.advance(1.0) for _ in range(300)][-1]
    resting = [heart.advance(0.0) for _ in range(30)][-1]
    assert easy < after_ten < settled
    assert settled == pytest.approx(Athlete().threshold_heart_rate_bpm, abs=5)
    assert easy < resting < settled


def test_the_heart_never_leaves_its_range() -> None:
    athlete = Athlete()
    heart = HeartRate(athlete, np.random.default_rng(1))
    rates = [heart.advance(effort) for effort in [3.0] * 600 + [0.0] * 3000]
    assert max(rates) <= athlete.maximum_heart_rate_bpm
    assert min(rates) >= athlete.resting_heart_rate_bpm


def test_a_loop_closes_and_is_as_long_as_it_says() -> None:
    loop = Loop(np.random.default_rng(3), 10_000)
    latitude, longitude = loop.position_deg(np.linspace(0, 10_000, 2001))
    assert latitude[0] == pytest.approx(latitude[-1], abs=1e-6)
    assert longitude[0] == pytest.approx(longitude[-1], abs=1e-6)
    north = np.diff(latitude) * 111_195
    east = np.diff(longitude) * 111_195 * np.cos(np.radians(latitude[:-1]))
    assert np.hypot(north, east).sum() == pytest.approx(10_000, rel=0.01)


def test_the_slope_is_the_derivative_of_the_height() -> None:
    loop = Loop(np.random.default_rng(3), 10_000)
    before, after = loop.altitude_m(np.array([4_999.0, 5_001.0]))
    assert loop.slope(5_000.0) == pytest.approx((after - before) / 2, abs=1e-6)


def test_wandering_noise_has_the_spread_that_was_asked_for() -> None:
    noise = wandering(np.random.default_rng(2), 50_000, spread=2.0, memory_s=10)
    assert noise.std() == pytest.approx(2.0, rel=0.1)
