"""Quadrants, torque, balance; breath and heat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pulsemesh.type.v1 import channel_pb2
from services.workout.metrics import pedalling
from services.workout.metrics.body import body_measure
from tests.unit.services.workout.metrics.builders import constant, metrics, source


def test_force_and_speed_of_the_pedal() -> None:
    # 90 rpm with 172.5 mm: 1.626 m/s; 250 W are then 153.8 N.
    speed = pedalling.pedal_speed_mps(np.array([90.0]))
    assert speed[0] == pytest.approx(90 * 2 * math.pi / 60 * 0.1725)
    assert pedalling.pedal_force_n(np.array([250.0]), speed)[0] == pytest.approx(153.77, abs=0.01)


def test_each_quadrant_gets_its_second() -> None:
    watts = np.array([400.0, 300, 50, 150])
    cadence = np.array([100.0, 60, 60, 110])
    found = pedalling.quadrants(watts, cadence, 250)
    assert found is not None
    assert found.shares == (0.25, 0.25, 0.25, 0.25)


def test_coasting_and_unknown_seconds_are_in_no_quadrant() -> None:
    watts, cadence = np.array([0.0, 200, np.nan, 300]), np.array([90.0, 0, 90, 95])
    found = pedalling.quadrants(watts, cadence, 250)
    assert found is not None
    assert found.shares == (1, 0, 0, 0)
    assert pedalling.quadrants(np.zeros(3), np.zeros(3), 250) is None


def test_a_longer_crank_asks_for_less_force() -> None:
    short = pedalling.quadrants(np.array([200.0]), np.array([90.0]), 250, crank_length_m=0.165)
    long = pedalling.quadrants(np.array([200.0]), np.array([90.0]), 250, crank_length_m=0.180)
    assert short is not None
    assert long is not None
    assert short.threshold_force_n > long.threshold_force_n


def test_torque_is_power_over_angular_speed() -> None:
    found = pedalling.torque(np.array([200.0, 0, 300]), np.array([90.0, 0, 60]))
    assert found is not None
    assert found.maximum_nm == pytest.approx(300 / (2 * math.pi))
    assert found.average_nm == pytest.approx((200 / (3 * math.pi) + 300 / (2 * math.pi)) / 2)
    assert pedalling.torque(np.zeros(2), np.zeros(2)) is None


def test_balance_is_weighted_by_power() -> None:
    left = np.array([40.0, 60, np.nan, 100])
    assert pedalling.left_power_percent(left, np.array([300.0, 100, 200, 0])) == pytest.approx(45)
    assert pedalling.left_power_percent(left, None) == pytest.approx(200 / 3)
    assert pedalling.left_power_percent(left, np.zeros(4)) is None


def test_a_ride_tells_balance_and_cadence() -> None:
    ride = source(
        np.arange(60),
        power=np.full(60, 200),
        left_power=np.full(60, 52),
        cadence=np.where(np.arange(60) < 30, 90, 0),
    )
    made = metrics(ride).whole
    assert made.load.left_power_percent == pytest.approx(52)
    assert made.load.average_cadence_rpm == pytest.approx(90)
    assert made.torque is not None


def test_heat_is_told_with_the_time_above() -> None:
    core = np.concatenate((np.full(600, 37.5), np.full(300, 38.6), np.full(100, 39.2)))
    (found,) = metrics(source(np.arange(1000), core_temperature=core)).whole.body
    assert found.maximum == pytest.approx(39.2)
    assert found.minimum == pytest.approx(37.5)
    assert found.average == pytest.approx(37.5 * 0.6 + 38.6 * 0.3 + 39.2 * 0.1)
    assert dict(found.above) == {38.0: 400, 38.5: 400, 39.0: 100, 39.5: 0}


def test_breath_is_told() -> None:
    (found,) = metrics(constant(100, respiration_rate=32)).whole.body
    assert found.channel == channel_pb2.CHANNEL_RESPIRATION_RATE
    assert found.average == 32
    assert dict(found.above)[30.0] == 100


def test_nothing_known_is_no_measure() -> None:
    assert body_measure(17, np.full(3, np.nan)) is None
