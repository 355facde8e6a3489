"""Sensors: what they are, how to find them, and a stream of their readings."""

from ingest_edge.sensors.ble import BleSensorSource
from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.combined import CombinedSensorSource
from ingest_edge.sensors.event_queue import EventQueue
from ingest_edge.sensors.events import (
    BatteryLevel,
    ConnectionEstablished,
    ConnectionLost,
    ConnectionRestored,
    DeviceInformation,
    Reading,
    SensorDescription,
    SensorEvent,
    SensorKind,
    SensorStatistics,
)
from ingest_edge.sensors.source import EventSink, SensorSource, SensorUnavailable

__all__ = [
    "BatteryLevel",
    "BleSensorSource",
    "BleSettings",
    "CombinedSensorSource",
    "ConnectionEstablished",
    "ConnectionLost",
    "ConnectionRestored",
    "DeviceInformation",
    "EventQueue",
    "EventSink",
    "Reading",
    "SampleClock",
    "SensorDescription",
    "SensorEvent",
    "SensorKind",
    "SensorSource",
    "SensorStatistics",
    "SensorUnavailable",
]
