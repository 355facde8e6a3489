"""Simulated athletes are plausible and repeatable, and their sensors say what they do."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from ingest_edge.sensors import gatt
from ingest_edge.sensors.interpretation import SensorInterpreter
from ingest_edge.simulator.peripherals import (
    Athlete,
    Effort,
    FootPod,
    HeartRateStrap,
    IndoorBike,
    PowerMeter,
    Runner,
    ScriptedSensor,
    SpeedCadenceSensor,
    numbered_heart_rate_frame,
    sequence_of,
)

ADDRESS = "C0:00:00:00:00:01"


def after(seconds: float, power_w: float, seed: int = 1) -> Athlete:
    athlete = Athlete([Effort(3600, power_w)], seed=seed)
    athlete.advance_to(seconds)
    return athlete


def test_the_heart_follows_power_slowly() -> None:
    rates = [after(seconds, 250).heart.rate_bpm for seconds in (5, 30, 180)]
    assert rates[0] < 100 < rates[1] < rates[2]
    assert 140 < rates[2] < 175


def test_the_heart_calms_down_after_an_effort() -> None:
    athlete = Athlete([Effort(180, 280), Effort(300, 0, 0)])
    athlete.advance_to(180)
    hard_bpm = athlete.heart.rate_bpm
    athlete.advance_to(470)
    assert athlete.heart.rate_bpm < hard_bpm - 60


def rmssd_ms(intervals_s: list[float]) -> float:
    squares = [(later - earlier) ** 2 for earlier, later in itertools.pairwise(intervals_s)]
    return math.sqrt(statistics.fmean(squares)) * 1000


def test_beats_vary_at_rest_and_hardly_under_load() -> None:
    assert 15 < rmssd_ms(after(300, 0).heart.rr_intervals_s[-200:]) < 100
    assert rmssd_ms(after(300, 300).heart.rr_intervals_s[-200:]) < 10


def test_beats_fill_the_time() -> None:
    intervals_s = after(300, 200).heart.rr_intervals_s
    assert sum(intervals_s) == pytest.approx(300, abs=2)


def test_speed_settles_where_power_balances_resistance() -> None:
    assert after(300, 200).speed_m_per_s == pytest.approx(9.3, abs=1.0)


def test_work_is_power_over_time() -> None:
    assert after(600, 200).work_j == pytest.approx(120_000, rel=0.1)


def test_legs_stand_still_while_coasting() -> None:
    athlete = Athlete([Effort(60, 200), Effort(60, 0, 0)])
    athlete.advance_to(90)
    assert (athlete.cadence_rpm, athlete.power_w) == (0, 0)
    assert athlete.speed_m_per_s > 3


def test_equal_seeds_give_equal_rides() -> None:
    first, second, other = after(60, 200, 1), after(60, 200, 1), after(60, 200, 2)
    assert first.power_w == second.power_w != other.power_w


def test_a_ride_without_time_is_refused() -> None:
    with pytest.raises(ValueError, match="takes time"):
        Athlete([])


def test_wheel_and_crank_sensor_give_the_rider_s_speed_and_cadence() -> None:
    athlete = Athlete([Effort(3600, 200)])
    sensor = SpeedCadenceSensor(ADDRESS, athlete)
    interpreter = SensorInterpreter("ble:x", wheel_circumference_m=2.105)
    for second in range(1, 121):
        ((number, frame),) = sensor.notifications(second)
        (reading,) = interpreter.interpret(number, frame, second * 1000)
    assert reading.values["speed"] == pytest.approx(athlete.speed_m_per_s, rel=0.05)
    assert reading.values["cadence"] == pytest.approx(athlete.cadence_rpm, rel=0.05)
    assert reading.values["distance"] == pytest.approx(athlete.distance_m, abs=2 * 2.105)


def test_a_strap_sends_every_beat_once() -> None:
    athlete = Athlete()
    strap = HeartRateStrap(ADDRESS, athlete)
    ticks: list[int] = []
    for second in range(1, 61):
        ((_, frame),) = strap.notifications(second)
        ticks += gatt.parse_heart_rate_measurement(frame).rr_ticks
    assert ticks == [round(interval_s * 1024) for interval_s in athlete.heart.rr_intervals_s]


def test_a_strap_that_was_not_heard_for_long_sends_what_fits_a_packet() -> None:
    ((_, frame),) = HeartRateStrap(ADDRESS, Athlete()).notifications(120.0)
    assert len(frame) <= 20


def test_power_meter_foot_pod_and_bike_fit_the_smallest_packet() -> None:
    athlete = Athlete()
    sensors = [
        PowerMeter(ADDRESS, athlete),
        FootPod(ADDRESS, Runner()),
        IndoorBike(ADDRESS, athlete),
        SpeedCadenceSensor(ADDRESS, athlete),
    ]
    for sensor in sensors:
        assert all(len(frame) <= 20 for _, frame in sensor.notifications(30.0))


def test_a_bike_splits_a_record_that_comes_back_whole() -> None:
    athlete = Athlete()
    frames = IndoorBike(ADDRESS, athlete).notifications(30.0)
    interpreter = SensorInterpreter("ble:x")
    readings = [interpreter.interpret(number, frame, 1000) for number, frame in frames]
    assert [len(found) for found in readings] == [0, 1]
    assert readings[1][0].values["power"] == round(athlete.power_w)
    assert "distance" in readings[1][0].values


def test_a_runner_covers_ground_at_the_set_pace() -> None:
    runner = Runner(3.0)
    runner.advance_to(600)
    assert runner.distance_m == pytest.approx(1800, rel=0.05)
    assert 75 < runner.stride_rate_per_minute < 95


def test_a_script_is_sent_once_in_bursts() -> None:
    sensor = ScriptedSensor(ADDRESS, [b"\x00\x01", b"\x00\x02", b"\x00\x03"], burst=2)
    sent = [[frame for _, frame in sensor.notifications(0.0)] for _ in range(3)]
    assert sent == [[b"\x00\x01", b"\x00\x02"], [b"\x00\x03"], []]


@pytest.mark.parametrize("sequence", [0, 1, 4183, 65535])
def test_a_numbered_frame_keeps_its_number_through_interpretation(sequence: int) -> None:
    (reading,) = SensorInterpreter("ble:x").interpret("2A37", numbered_heart_rate_frame(sequence), 1)
    assert sequence_of(reading.values["energy"]) == sequence
