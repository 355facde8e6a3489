"""One scanner for everybody: whoever looks for a sensor listens to the same scan.

BlueZ refuses a second discovery from one D-Bus connection, and all scanners of a process share bleak's. A
scan that was running when the Bluetooth daemon died never ends and never finds anything, so a scan lives one
round only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from bleak import BleakAdapter, BleakScanner
from bleak.args.bluez import BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError

from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.gatt.uuids import uuid128
from ingest_edge.sensors.interpretation import SERVICE_KINDS
from ingest_edge.sensors.source import SensorUnavailable

logger = logging.getLogger(__name__)

SENSOR_SERVICE_UUIDS = [uuid128(service) for service in SERVICE_KINDS]
"""What a sensor advertises, in the 128-bit form that BlueZ's filter demands."""

Advertisement = tuple[BLEDevice, AdvertisementData]
Listener = Callable[[BLEDevice, AdvertisementData], None]


class SensorNotFound(BleakError):
    """The sensor did not advertise in time: out of range, asleep, or connected elsewhere."""


class Advertisements:
    """Scans while somebody listens."""

    def __init__(self, settings: BleSettings) -> None:
        self._settings = settings
        self._listeners: dict[Listener, asyncio.Future[None]] = {}
        self._unneeded = asyncio.Event()
        self._round_over = asyncio.Event()
        self._round_over.set()
        self._rounds: asyncio.Task[None] | None = None

    async def locate(self, address: str) -> BLEDevice:
        """Wait for an advertisement of the sensor at ``address``.

        Raises:
            SensorNotFound: none came within ``locate_timeout_s``.
            SensorUnavailable: scanning is impossible now.
        """
        wanted = address.lower()
        async with self._listening() as advertisements:
            # The limit is for hearing the sensor, not for stopping the scan afterwards.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.locate_timeout_s):
                    async for device, _ in advertisements:
                        if device.address.lower() == wanted:
                            return device
        raise SensorNotFound(f"{address} does not advertise")

    async def connected(self, address: str) -> BLEDevice | None:
        """The device if the system holds a connection to it, as after a crash: it does not advertise then."""
        adapter = await BleakAdapter.get(bluez=self._bluez_arguments())
        devices = await adapter.get_connected_devices(SENSOR_SERVICE_UUIDS)
        return next((device for device in devices if device.address.lower() == address.lower()), None)

    async def during(self, duration_s: float) -> AsyncIterator[Advertisement]:
        """Every advertisement of a sensor during ``duration_s`` seconds.

        Raises:
            SensorUnavailable: scanning is impossible now.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + duration_s
        async with self._listening() as advertisements:
            while (remaining_s := deadline - loop.time()) > 0:
                try:
                    yield await asyncio.wait_for(anext(advertisements), remaining_s)
                except TimeoutError:
                    return

    async def close(self) -> None:
        """Stop scanning."""
        rounds, self._rounds = self._rounds, None
        if rounds is not None:
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[AsyncIterator[Advertisement]]:
        heard: asyncio.Queue[Advertisement] = asyncio.Queue()
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def listener(device: BLEDevice, advertisement: AdvertisementData) -> None:
            heard.put_nowait((device, advertisement))

        self._listeners[listener] = failure
        self._unneeded.clear()
        self._ensure_scanning()
        try:
            yield _Heard(heard, failure)
        finally:
            del self._listeners[listener]
            # A failure that arrives while the listener leaves by its time limit must not count as unhandled.
            if not failure.cancel():
                failure.exception()
            if not self._listeners:
                self._unneeded.set()
                # The last one leaves when the radio is free: connecting during a scan fails more often.
                await self._round_over.wait()

    def _ensure_scanning(self) -> None:
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._scan_rounds(), name="ble-scan")

    async def _scan_rounds(self) -> None:
        while self._listeners:
            try:
                await self._scan_round()
            except Exception as error:
                self._fail(error)
                return

    async def _scan_round(self) -> None:
        settings = self._settings
        scanner = BleakScanner(self._heard, SENSOR_SERVICE_UUIDS, bluez=self._bluez_arguments())
        self._round_over.clear()
        try:
            await asyncio.wait_for(scanner.start(), settings.operation_timeout_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._unneeded.wait(), settings.scan_round_s)
        finally:
            with contextlib.suppress(Exception):
                # The daemon may be gone; the next round makes a new scanner anyway.
                await asyncio.wait_for(scanner.stop(), settings.operation_timeout_s)
            self._round_over.set()

    def _heard(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        for listener in list(self._listeners):
            listener(device, advertisement)

    def _fail(self, error: Exception) -> None:
        logger.info("scanning is impossible now: %s", describe_failure(error))
        for failure in self._listeners.values():
            if not failure.done():
                unavailable = SensorUnavailable(describe_failure(error))
                unavailable.__cause__ = error
                failure.set_exception(unavailable)

    def _bluez_arguments(self) -> BlueZScannerArgs:
        return {} if self._settings.adapter is None else {"adapter": self._settings.adapter}


class _Heard(AsyncIterator[Advertisement]):
    """The advertisements of one listener; ends by the failure of the scan."""

    def __init__(self, heard: asyncio.Queue[Advertisement], failure: asyncio.Future[None]) -> None:
        self._heard = heard
        self._failure = failure

    async def __anext__(self) -> Advertisement:
        getter = asyncio.ensure_future(self._heard.get())
        try:
            either: set[asyncio.Future[Any]] = {getter, self._failure}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if getter.done():
                return getter.result()
            self._failure.result()
            raise StopAsyncIteration
        finally:
            getter.cancel()


def describe_failure(error: BaseException) -> str:
    """One line for a person about what went wrong with the radio."""
    match error:
        case BleakBluetoothNotAvailableError():
            return str(error.args[0])
        case BleakDBusError(dbus_error="org.freedesktop.DBus.Error.ServiceUnknown"):
            return "the Bluetooth daemon (bluetoothd) is not running"
        case TimeoutError():
            return "timed out"
        case FileNotFoundError() | ConnectionRefusedError():
            return f"the system message bus cannot be reached: {error}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
