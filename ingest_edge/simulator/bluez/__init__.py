"""An emulated BlueZ: a message bus and a Bluetooth daemon in process, for unchanged bleak."""

from ingest_edge.simulator.bluez.emulator import EmulatedBlueZ
from ingest_edge.simulator.bluez.peripheral import (
    GattCharacteristic,
    GattService,
    Notification,
    Peripheral,
    PeripheralStatistics,
)

__all__ = [
    "EmulatedBlueZ",
    "GattCharacteristic",
    "GattService",
    "Notification",
    "Peripheral",
    "PeripheralStatistics",
]
