"""Readings in channel units from single notifications."""

from __future__ import annotations

import pytest

from ingest_edge.sensors import Reading, gatt
from ingest_edge.sensors.interpretation import SensorInterpreter

T0 = 1_700_000_000_000


def interpret(
    interpreter: SensorInterpreter, characteristic: str, data: bytes, time_ms: int = T0
) -> list[Reading]:
    return interpreter.interpret(characteristic, data, time_ms)


def heart_rate(bpm: int, rr_ticks: tuple[int, ...] = (), energy_kj: int | None = None) -> bytes:
    return gatt.encode_heart_rate_measurement(gatt.HeartRateMeasurement(bpm, True, energy_kj, rr_ticks))


def test_a_strap_gives_one_heart_rate_and_one_rr_for_each_beat() -> None:
    readings = interpret(SensorInterpreter("ble:a"), "2A37", heart_rate(75, (512, 1024)))
    assert [(reading.series, reading.time_ms, reading.values) for reading in readings] == [
        ("heart_rate", T0, {"heart_rate": 75.0}),
        ("rr", T0 - 1000, {"rr_interval": 0.5}),
        ("rr", T0, {"rr_interval": 1.0}),
    ]


def test_beat_times_never_run_backwards_when_notifications_come_early() -> None:
    interpreter = SensorInterpreter("ble:a")
    first = interpret(interpreter, "2A37", heart_rate(75, (1024,)))
    second = interpret(interpreter, "2A37", heart_rate(75, (1024, 1024)), T0 + 300)
    times = [reading.time_ms for reading in first + second if reading.series == "rr"]
    assert times == [T0, T0 + 1, T0 + 300]


def test_two_readings_of_one_millisecond_are_spread() -> None:
    interpreter = SensorInterpreter("ble:a")
    times = [interpret(interpreter, "2A37", heart_rate(75))[0].time_ms for _ in range(3)]
    assert times == [T0, T0 + 1, T0 + 2]


def test_a_heart_rate_of_zero_is_no_reading() -> None:
    assert interpret(SensorInterpreter("ble:a"), "2A37", heart_rate(0)) == []


def test_energy_comes_in_kilocalories() -> None:
    (reading,) = interpret(SensorInterpreter("ble:a"), "2A37", heart_rate(75, energy_kj=4184))
    assert reading.values == {"heart_rate": 75.0, "energy": 1000.0}


def test_power_with_crank_gives_cadence_from_the_second_notification_on() -> None:
    interpreter = SensorInterpreter("ble:p")

    def power(revolutions: int, event_time: int) -> bytes:
        crank = gatt.RevolutionData(revolutions, event_time)
        balance = gatt.PedalPowerBalance(97, reference_left=True)
        return gatt.encode_cycling_power_measurement(
            gatt.CyclingPowerMeasurement(-3, crank=crank, balance=balance)
        )

    (first,) = interpret(interpreter, "2A63", power(65535, 65000))
    (second,) = interpret(interpreter, "2A63", power(0, 65000 + 512), T0 + 500)
    assert first.values == {"power": -3.0, "left_power": 48.5, "crank_revolutions": 65535.0}
    assert second.values["cadence"] == 120.0


def test_a_balance_of_unknown_reference_is_no_left_share() -> None:
    balance = gatt.PedalPowerBalance(97, reference_left=False)
    data = gatt.encode_cycling_power_measurement(gatt.CyclingPowerMeasurement(100, balance=balance))
    assert interpret(SensorInterpreter("ble:p"), "2A63", data)[0].values == {"power": 100.0}


def test_the_wheel_of_a_power_meter_counts_in_half_the_ticks() -> None:
    interpreter = SensorInterpreter("ble:p", wheel_circumference_m=2.0)

    def power(revolutions: int, event_time: int) -> bytes:
        wheel = gatt.RevolutionData(revolutions, event_time)
        return gatt.encode_cycling_power_measurement(gatt.CyclingPowerMeasurement(0, wheel=wheel))

    interpret(interpreter, "2A63", power(10, 0))
    (reading,) = interpret(interpreter, "2A63", power(14, 2048), T0 + 1000)
    assert (reading.values["speed"], reading.values["distance"]) == (8.0, 8.0)


def test_accumulated_torque_becomes_mean_torque() -> None:
    interpreter = SensorInterpreter("ble:p")

    def power(torque: int, revolutions: int, event_time: int) -> bytes:
        return gatt.encode_cycling_power_measurement(
            gatt.CyclingPowerMeasurement(
                200,
                accumulated_torque=gatt.AccumulatedTorque(torque, from_crank=True),
                crank=gatt.RevolutionData(revolutions, event_time),
            )
        )

    interpret(interpreter, "2A63", power(100, 10, 0))
    (reading,) = interpret(interpreter, "2A63", power(100 + 2 * 30 * 32, 12, 1024), T0 + 1000)
    assert reading.values["torque"] == 30.0


def test_a_silent_wheel_falls_to_zero_once() -> None:
    interpreter = SensorInterpreter("ble:s", wheel_circumference_m=2.0)
    for second in range(2):
        wheel = gatt.RevolutionData(second * 3, second * 1024)
        data = gatt.encode_cycling_speed_cadence_measurement(gatt.CyclingSpeedCadenceMeasurement(wheel))
        interpret(interpreter, "2A5B", data, T0 + second * 1000)
    assert interpreter.fallen_idle(T0 + 3_000) == []
    (reading,) = interpreter.fallen_idle(T0 + 4_100)
    assert (reading.series, reading.values) == ("speed_cadence", {"speed": 0.0})
    assert interpreter.fallen_idle(T0 + 5_000) == []


def test_running_comes_in_metres() -> None:
    data = gatt.encode_running_speed_cadence_measurement(
        gatt.RunningSpeedCadenceMeasurement(896, 88, True, 239, 12345)
    )
    (reading,) = interpret(SensorInterpreter("ble:r"), "2A53", data)
    assert reading.series == "running"
    assert reading.values == {"speed": 3.5, "cadence": 88.0, "stride_length": 2.39, "distance": 1234.5}


def test_a_split_indoor_bike_record_is_one_reading() -> None:
    interpreter = SensorInterpreter("ble:b")
    first = gatt.encode_indoor_bike_data(gatt.IndoorBikeData(power_w=210, heart_rate_bpm=0))
    last = gatt.encode_indoor_bike_data(gatt.IndoorBikeData(speed_hundredths_km_h=3600, cadence_half_rpm=181))
    assert interpret(interpreter, "2AD2", first) == []
    (reading,) = interpret(interpreter, "2AD2", last)
    assert reading.values == {"power": 210.0, "speed": 10.0, "cadence": 90.5}


def test_a_cut_frame_is_malformed_and_the_next_one_is_read() -> None:
    interpreter = SensorInterpreter("ble:a")
    with pytest.raises(gatt.MalformedMeasurement):
        interpret(interpreter, "2A37", b"\x01\x48")
    assert interpret(interpreter, "2A37", heart_rate(75))[0].values == {"heart_rate": 75.0}
