"""Parsers and encoders of GATT characteristics: bytes in, frozen values out, no I/O."""

from ingest_edge.sensors.gatt.cycling_power import (
    AccumulatedTorque,
    CyclingPowerFeature,
    CyclingPowerMeasurement,
    Extremes,
    PedalPowerBalance,
    encode_cycling_power_feature,
    encode_cycling_power_measurement,
    parse_cycling_power_feature,
    parse_cycling_power_measurement,
)
from ingest_edge.sensors.gatt.cycling_speed_cadence import (
    CyclingSpeedCadenceMeasurement,
    encode_cycling_speed_cadence_measurement,
    parse_cycling_speed_cadence_measurement,
)
from ingest_edge.sensors.gatt.device import (
    DEVICE_INFORMATION_FIELDS,
    encode_battery_level,
    encode_device_string,
    parse_battery_level,
    parse_device_string,
)
from ingest_edge.sensors.gatt.errors import MalformedMeasurement
from ingest_edge.sensors.gatt.heart_rate import (
    HeartRateMeasurement,
    encode_heart_rate_measurement,
    parse_heart_rate_measurement,
)
from ingest_edge.sensors.gatt.indoor_bike import (
    ExpendedEnergy,
    IndoorBikeAssembler,
    IndoorBikeData,
    encode_indoor_bike_data,
    parse_indoor_bike_data,
)
from ingest_edge.sensors.gatt.revolutions import RevolutionData
from ingest_edge.sensors.gatt.running_speed_cadence import (
    RunningSpeedCadenceMeasurement,
    encode_running_speed_cadence_measurement,
    parse_running_speed_cadence_measurement,
)

__all__ = [
    "DEVICE_INFORMATION_FIELDS",
    "AccumulatedTorque",
    "CyclingPowerFeature",
    "CyclingPowerMeasurement",
    "CyclingSpeedCadenceMeasurement",
    "ExpendedEnergy",
    "Extremes",
    "HeartRateMeasurement",
    "IndoorBikeAssembler",
    "IndoorBikeData",
    "MalformedMeasurement",
    "PedalPowerBalance",
    "RevolutionData",
    "RunningSpeedCadenceMeasurement",
    "encode_battery_level",
    "encode_cycling_power_feature",
    "encode_cycling_power_measurement",
    "encode_cycling_speed_cadence_measurement",
    "encode_device_string",
    "encode_heart_rate_measurement",
    "encode_indoor_bike_data",
    "encode_running_speed_cadence_measurement",
    "parse_battery_level",
    "parse_cycling_power_feature",
    "parse_cycling_power_measurement",
    "parse_cycling_speed_cadence_measurement",
    "parse_device_string",
    "parse_heart_rate_measurement",
    "parse_indoor_bike_data",
    "parse_running_speed_cadence_measurement",
]
