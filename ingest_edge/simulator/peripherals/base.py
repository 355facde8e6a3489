"""What all simulated sensors share: identity, battery, device information."""

from __future__ import annotations

from collections.abc import Sequence

from ingest_edge.sensors.gatt import encode_battery_level, encode_device_string
from ingest_edge.simulator.bluez.peripheral import GattCharacteristic, GattService, Notification

BATTERY_SERVICE = GattService("180F", (GattCharacteristic("2A19", ("read", "notify")),), advertised=False)
DEVICE_INFORMATION_SERVICE = GattService(
    "180A",
    tuple(
        GattCharacteristic(number, ("read",)) for number in ("2A29", "2A24", "2A25", "2A26", "2A27", "2A28")
    ),
    advertised=False,
)


class SimulatedSensor:
    """A :class:`~ingest_edge.simulator.bluez.Peripheral` with a battery and a name plate.

    Args:
        address: Bluetooth address.
        name: advertised name.
        measurement: its measuring service.
        interval_s: seconds between notifications.
        battery_percent: what the battery service says.
    """

    def __init__(
        self,
        address: str,
        name: str,
        measurement: GattService,
        *,
        interval_s: float = 1.0,
        battery_percent: int = 87,
    ) -> None:
        self._address = address
        self._name = name
        self._services = (measurement, BATTERY_SERVICE, DEVICE_INFORMATION_SERVICE)
        self._interval_s = interval_s
        self._values = {
            "2A19": encode_battery_level(battery_percent),
            "2A29": encode_device_string("Pulsemesh Simulator"),
            "2A24": encode_device_string(type(self).__name__),
            "2A25": encode_device_string(address.replace(":", "")),
            "2A26": encode_device_string("1.0.0"),
            "2A27": encode_device_string("A"),
            "2A28": encode_device_string("1.0.0"),
        }

    @property
    def address(self) -> str:
        """Bluetooth address."""
        return self._address

    @property
    def name(self) -> str:
        """Advertised name."""
        return self._name

    @property
    def services(self) -> Sequence[GattService]:
        """Measurement, battery, device information."""
        return self._services

    @property
    def interval_s(self) -> float:
        """Seconds between notifications."""
        return self._interval_s

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """What to send at ``elapsed_s`` seconds after the emulator's start."""
        raise NotImplementedError

    def read(self, number: str) -> bytes:
        """The value of a readable characteristic."""
        return self._values[number]

    def set_value(self, number: str, value: bytes) -> None:
        """Give a readable characteristic a value."""
        self._values[number] = value


def notifying_service(number: str, characteristic: str, *readable: str) -> GattService:
    """A measuring service: one characteristic that notifies, others that can be read."""
    readers = tuple(GattCharacteristic(reader, ("read",)) for reader in readable)
    return GattService(number, (GattCharacteristic(characteristic, ("notify",)), *readers))
