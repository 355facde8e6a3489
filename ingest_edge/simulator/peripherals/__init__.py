"""Simulated Bluetooth LE sensors for the emulated BlueZ, and the athletes who wear them."""

from ingest_edge.simulator.peripherals.athlete import DEFAULT_RIDE, Athlete, Effort, Runner
from ingest_edge.simulator.peripherals.scripted import (
    ScriptedSensor,
    numbered_heart_rate_frame,
    sequence_of,
)
from ingest_edge.simulator.peripherals.sensors import (
    FootPod,
    HeartRateStrap,
    IndoorBike,
    PowerMeter,
    SpeedCadenceSensor,
)

__all__ = [
    "DEFAULT_RIDE",
    "Athlete",
    "Effort",
    "FootPod",
    "HeartRateStrap",
    "IndoorBike",
    "PowerMeter",
    "Runner",
    "ScriptedSensor",
    "SpeedCadenceSensor",
    "numbered_heart_rate_frame",
    "sequence_of",
]
