"""Any octets either parse or raise MalformedMeasurement; what is encoded parses back to itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_edge.sensors import gatt
from ingest_edge.sensors.interpretation import SensorInterpreter

PARSERS: dict[str, Callable[[bytes], object]] = {
    "2A37": gatt.parse_heart_rate_measurement,
    "2A63": gatt.parse_cycling_power_measurement,
    "2A65": gatt.parse_cycling_power_feature,
    "2A5B": gatt.parse_cycling_speed_cadence_measurement,
    "2A53": gatt.parse_running_speed_cadence_measurement,
    "2AD2": gatt.parse_indoor_bike_data,
    "2A19": gatt.parse_battery_level,
}


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def signed(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


WHEEL = st.builds(gatt.RevolutionData, unsigned(32), unsigned(16))
CRANK = st.builds(gatt.RevolutionData, unsigned(16), unsigned(16))
SIGNED_EXTREMES = st.builds(gatt.Extremes, signed(16), signed(16))
HEART_RATE = st.builds(
    gatt.HeartRateMeasurement,
    unsigned(16),
    st.none() | st.booleans(),
    maybe(unsigned(16)),
    st.lists(unsigned(16), max_size=9).map(tuple),
)
CYCLING_POWER = st.builds(
    gatt.CyclingPowerMeasurement,
    power_w=signed(16),
    balance=maybe(st.builds(gatt.PedalPowerBalance, unsigned(8), st.booleans())),
    accumulated_torque=maybe(st.builds(gatt.AccumulatedTorque, unsigned(16), st.booleans())),
    wheel=maybe(WHEEL),
    crank=maybe(CRANK),
    extreme_forces=maybe(SIGNED_EXTREMES),
    extreme_torques=maybe(SIGNED_EXTREMES),
    extreme_angles=maybe(st.builds(gatt.Extremes, unsigned(12), unsigned(12))),
    top_dead_spot_angle_deg=maybe(unsigned(16)),
    bottom_dead_spot_angle_deg=maybe(unsigned(16)),
    accumulated_energy_kj=maybe(unsigned(16)),
    offset_compensation_requested=st.booleans(),
)
SPEED_CADENCE = st.builds(gatt.CyclingSpeedCadenceMeasurement, maybe(WHEEL), maybe(CRANK))
RUNNING = st.builds(
    gatt.RunningSpeedCadenceMeasurement,
    unsigned(16),
    unsigned(8),
    st.booleans(),
    maybe(unsigned(16)),
    maybe(unsigned(32)),
)
ENERGY = st.builds(
    gatt.ExpendedEnergy,
    maybe(st.integers(0, 0xFFFE)),
    maybe(st.integers(0, 0xFFFE)),
    maybe(st.integers(0, 0xFE)),
)
INDOOR_BIKE = st.builds(
    gatt.IndoorBikeData,
    speed_hundredths_km_h=maybe(unsigned(16)),
    average_speed_hundredths_km_h=maybe(unsigned(16)),
    cadence_half_rpm=maybe(unsigned(16)),
    average_cadence_half_rpm=maybe(unsigned(16)),
    total_distance_m=maybe(unsigned(24)),
    resistance_level=maybe(signed(16)),
    power_w=maybe(signed(16)),
    average_power_w=maybe(signed(16)),
    expended_energy=maybe(ENERGY),
    heart_rate_bpm=maybe(unsigned(8)),
    metabolic_equivalent_tenths=maybe(unsigned(8)),
    elapsed_time_s=maybe(unsigned(16)),
    remaining_time_s=maybe(unsigned(16)),
)


@pytest.mark.parametrize("characteristic", PARSERS)
@given(data=st.binary(max_size=48))
def test_any_octets_parse_or_are_malformed(characteristic: str, data: bytes) -> None:
    malformed = None
    try:
        PARSERS[characteristic](data)
    except gatt.MalformedMeasurement as error:
        malformed = error
    if malformed is not None:
        assert malformed.characteristic == characteristic
        assert 0 <= malformed.offset <= len(data)
        assert malformed.reason


@given(data=st.binary(max_size=48))
def test_any_octets_are_a_device_string(data: bytes) -> None:
    assert isinstance(gatt.parse_device_string(data), str)


@given(
    frames=st.lists(
        st.tuples(st.sampled_from(["2A37", "2A63", "2A5B", "2A53", "2AD2"]), st.binary(max_size=40)),
        max_size=30,
    ),
    pauses_ms=st.lists(st.integers(0, 100_000), min_size=30, max_size=30),
)
def test_any_sequence_of_octets_gives_readings_in_order_of_time(
    frames: list[tuple[str, bytes]], pauses_ms: list[int]
) -> None:
    interpreter = SensorInterpreter("ble:x")
    last_ms: dict[str, int] = {}
    now_ms = 1_700_000_000_000
    for (characteristic, data), pause_ms in zip(frames, pauses_ms, strict=False):
        now_ms += pause_ms
        try:
            readings = interpreter.interpret(characteristic, data, now_ms)
        except gatt.MalformedMeasurement:
            continue
        for reading in readings + interpreter.fallen_idle(now_ms):
            assert reading.values
            assert reading.time_ms > last_ms.get(reading.series, 0)
            last_ms[reading.series] = reading.time_ms


@given(measurement=HEART_RATE, wide=st.booleans())
def test_heart_rate_round_trip(measurement: gatt.HeartRateMeasurement, wide: bool) -> None:
    data = gatt.encode_heart_rate_measurement(measurement, wide=wide)
    assert gatt.parse_heart_rate_measurement(data) == measurement


@given(measurement=CYCLING_POWER)
def test_cycling_power_round_trip(measurement: gatt.CyclingPowerMeasurement) -> None:
    data = gatt.encode_cycling_power_measurement(measurement)
    assert gatt.parse_cycling_power_measurement(data) == measurement


@given(measurement=SPEED_CADENCE)
def test_speed_cadence_round_trip(measurement: gatt.CyclingSpeedCadenceMeasurement) -> None:
    data = gatt.encode_cycling_speed_cadence_measurement(measurement)
    assert gatt.parse_cycling_speed_cadence_measurement(data) == measurement


@given(measurement=RUNNING)
def test_running_round_trip(measurement: gatt.RunningSpeedCadenceMeasurement) -> None:
    data = gatt.encode_running_speed_cadence_measurement(measurement)
    assert gatt.parse_running_speed_cadence_measurement(data) == measurement


@given(record=INDOOR_BIKE)
def test_indoor_bike_round_trip(record: gatt.IndoorBikeData) -> None:
    assert gatt.parse_indoor_bike_data(gatt.encode_indoor_bike_data(record)) == record


@given(measurement=CYCLING_POWER, reserved=st.integers(0, 7), appended=st.binary(max_size=4))
def test_reserved_flags_and_appended_octets_change_nothing(
    measurement: gatt.CyclingPowerMeasurement, reserved: int, appended: bytes
) -> None:
    data = bytearray(gatt.encode_cycling_power_measurement(measurement) + appended)
    data[1] |= reserved << 5
    assert gatt.parse_cycling_power_measurement(data) == measurement


@given(data=st.data(), measurement=CYCLING_POWER)
def test_power_frames_cut_at_any_octet_are_malformed(
    data: st.DataObject, measurement: gatt.CyclingPowerMeasurement
) -> None:
    frame = gatt.encode_cycling_power_measurement(measurement)
    cut = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(gatt.MalformedMeasurement):
        gatt.parse_cycling_power_measurement(frame[:cut])


@given(data=st.data(), record=INDOOR_BIKE)
def test_indoor_bike_frames_cut_at_any_octet_are_malformed(
    data: st.DataObject, record: gatt.IndoorBikeData
) -> None:
    frame = gatt.encode_indoor_bike_data(record)
    cut = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(gatt.MalformedMeasurement):
        gatt.parse_indoor_bike_data(frame[:cut])
