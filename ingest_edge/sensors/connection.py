"""One connection to one sensor, from a fresh client to its good-bye."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice

from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.gatt import DEVICE_INFORMATION_FIELDS, parse_device_string
from ingest_edge.sensors.gatt.device import BATTERY_CHARACTERISTIC
from ingest_edge.sensors.gatt.uuids import assigned_number

logger = logging.getLogger(__name__)

NotificationHandler = Callable[[str, bytes], None]
"""Takes the characteristic's 16-bit number and the value."""


class NothingToMeasure(Exception):
    """The device has none of the characteristics that we understand."""


class BleConnection:
    """A connection that is used once.

    bleak enables notifications twice when a client is used again, and closes the D-Bus connection of a client
    only in ``disconnect()``. So every connection has its own client, and whoever opens one must close it in
    ``finally``.

    Args:
        device: as found by a scan.
        settings: times.
        handler: called on the event loop for each notification; never after :meth:`close` has begun.
    """

    def __init__(self, device: BLEDevice, settings: BleSettings, handler: NotificationHandler) -> None:
        self.lost = asyncio.Event()
        self._settings = settings
        self._handler = handler
        self._closing = False
        self._client = BleakClient(
            device, disconnected_callback=self._on_disconnected, timeout=settings.connect_timeout_s
        )

    async def open(self, measurements: frozenset[str]) -> None:
        """Connect and subscribe to the wanted measurement characteristics that the device has.

        Raises:
            NothingToMeasure: it has none of them.
            Exception: what bleak and the bus raise when the air or the daemon fails.
        """
        async with asyncio.timeout(self._settings.connect_timeout_s):
            await self._client.connect()
        wanted = [
            characteristic
            for number, characteristic in self._characteristics().items()
            if number in measurements and "notify" in characteristic.properties
        ]
        if not wanted:
            raise NothingToMeasure("it offers no measurement that is understood here")
        for characteristic in wanted:
            await self._subscribe(characteristic)

    async def battery(self) -> bytes | None:
        """Read the battery level and subscribe to its changes; None without a battery service."""
        characteristic = self._characteristics().get(BATTERY_CHARACTERISTIC)
        if characteristic is None:
            return None
        if "notify" in characteristic.properties:
            await self._subscribe(characteristic)
        return await self._read(characteristic) if "read" in characteristic.properties else None

    async def device_information(self) -> Mapping[str, str]:
        """Read the strings that the device has, by our names of them."""
        information = {}
        characteristics = self._characteristics()
        for number, name in DEVICE_INFORMATION_FIELDS.items():
            characteristic = characteristics.get(number)
            if characteristic is not None and "read" in characteristic.properties:
                information[name] = parse_device_string(await self._read(characteristic))
        return information

    async def close(self) -> None:
        """Disconnect; never raises and never takes longer than ``disconnect_timeout_s``."""
        self._closing = True
        try:
            await asyncio.wait_for(self._client.disconnect(), self._settings.disconnect_timeout_s)
        except Exception as error:
            # The daemon or the bus is gone, or the device answers no more: bleak has released what it held.
            logger.debug("disconnecting %s: %r", self._client.address, error)

    def _characteristics(self) -> dict[str, BleakGATTCharacteristic]:
        found: dict[str, BleakGATTCharacteristic] = {}
        for characteristic in self._client.services.characteristics.values():
            number = assigned_number(characteristic.uuid)
            if number is not None:
                found.setdefault(number, characteristic)
        return found

    async def _read(self, characteristic: BleakGATTCharacteristic) -> bytes:
        read = self._client.read_gatt_char(characteristic)
        return bytes(await asyncio.wait_for(read, self._settings.operation_timeout_s))

    async def _subscribe(self, characteristic: BleakGATTCharacteristic) -> None:
        number = assigned_number(characteristic.uuid) or characteristic.uuid

        def on_value(_: BleakGATTCharacteristic, value: bytearray) -> None:
            if not self._closing:
                self._handler(number, bytes(value))

        subscription = self._client.start_notify(characteristic, on_value)
        await asyncio.wait_for(subscription, self._settings.operation_timeout_s)

    def _on_disconnected(self, _: BleakClient) -> None:
        self.lost.set()
