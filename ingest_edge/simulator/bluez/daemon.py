"""The emulated bluetoothd: one adapter, its scans, and the devices in the air."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Any

from ingest_edge.simulator.bluez.bus import MiniBus
from ingest_edge.simulator.bluez.device import DEVICE, GATT_CHARACTERISTIC, EmulatedDevice
from ingest_edge.simulator.bluez.objects import OBJECT_MANAGER, PROPERTIES, ObjectTree
from ingest_edge.simulator.bluez.peripheral import Peripheral
from ingest_edge.simulator.bluez.wire import DBusError, IncomingMessage

logger = logging.getLogger(__name__)

ADAPTER = "org.bluez.Adapter1"
ADAPTER_PATH = "/org/bluez/hci0"
_NOTHING: tuple[str, tuple[Any, ...]] = ("", ())

Answer = tuple[str, tuple[Any, ...]]
"""Signature and body of a reply."""


class EmulatedDaemon:
    """Answers ``org.bluez`` on a :class:`MiniBus`. All methods belong to the bus's event loop.

    Args:
        bus: where to live.
        peripherals: the devices in the air.
        advertising_interval_s: seconds between two advertisements of each device.

    Attributes:
        latency_s: how long each answer takes.
        powered: whether the adapter is on.
    """

    name = "org.bluez"

    def __init__(
        self, bus: MiniBus, peripherals: Sequence[Peripheral], advertising_interval_s: float
    ) -> None:
        self.latency_s = 0.0
        self.powered = True
        self._bus = bus
        self._tree = ObjectTree(bus.emit)
        self._advertising_interval_s = advertising_interval_s
        self._devices = {
            peripheral.address.upper(): EmulatedDevice(peripheral, ADAPTER_PATH, self._tree)
            for peripheral in peripherals
        }
        self._filters: dict[str, list[str]] = {}
        self._scanning: set[str] = set()
        self._advertising: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._random = random.Random(0)
        self._started_at = asyncio.get_running_loop().time()
        self._running = False

    def start(self) -> None:
        """Come up: own the name, show the adapter."""
        if self._running:
            return
        self._running = True
        self._bus.attach(self)
        self._tree.add(
            ADAPTER_PATH,
            ADAPTER,
            {
                "Address": ("s", "00:00:00:00:5A:AD"),
                "Name": ("s", "emulated"),
                "Alias": ("s", "emulated"),
                "Powered": ("b", self.powered),
                "Discovering": ("b", False),
                "Roles": ("as", ["central", "peripheral"]),
                "UUIDs": ("as", []),
            },
        )

    def die(self) -> None:
        """Die as by kill -9: the name vanishes, nobody is told about devices, all links break."""
        if not self._running:
            return
        self._running = False
        self._stop_advertising()
        for task in self._answering:
            task.cancel()
        for device in self._devices.values():
            device.die_with_daemon()
        self._filters.clear()
        self._scanning.clear()
        self._tree.forget_all()
        self._bus.detach()

    def device(self, address: str) -> EmulatedDevice:
        """The device with this address; KeyError if there is none."""
        return self._devices[address.upper()]

    def set_power(self, powered: bool) -> None:
        """Switch the adapter on or off; off breaks all links."""
        self.powered = powered
        if not powered:
            self._stop_advertising()
            self._scanning.clear()
            for device in self._devices.values():
                device.disconnect()
        self._tree.change(ADAPTER_PATH, ADAPTER, Powered=("b", powered))

    def hold_stale_connection(self, address: str, *, dead: bool) -> None:
        """Be connected to a device without any client; nothing comes through a dead connection."""
        device = self.device(address)
        device.advertise(-60)
        if not device.connected:
            device.connect()
            device.resolve_services()
        device.dead_link = dead

    def elapsed_s(self, loop_time_s: float) -> float:
        """Seconds since the emulator's start."""
        return loop_time_s - self._started_at

    def on_client_gone(self, client: str) -> None:
        """End the scan and the subscriptions of a client that left the bus."""
        self._filters.pop(client, None)
        self._stop_discovery(client)
        for device in self._devices.values():
            device.client_gone(client)

    def on_call(self, message: IncomingMessage) -> None:
        """Answer a call, at once or after the latency."""
        if self.latency_s == 0 and message.member != "Connect":
            self._answer(message)
            return
        task = asyncio.get_running_loop().create_task(self._answer_later(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer_later(self, message: IncomingMessage) -> None:
        await asyncio.sleep(self.latency_s)
        self._answer(message)
        if message.member == "Connect":
            await asyncio.sleep(self.latency_s)
            device = self._device_at(message.path)
            if device.connected:
                device.resolve_services()

    def _answer(self, message: IncomingMessage) -> None:
        try:
            signature, body = self._call(message)
        except DBusError as error:
            self._bus.reply_error(message, error)
        except Exception as error:
            logger.exception("the emulated daemon cannot answer %s", message.member)
            self._bus.reply_error(message, DBusError("org.bluez.Error.Failed", repr(error)))
        else:
            self._bus.reply(message, signature, body)

    def _call(self, message: IncomingMessage) -> Answer:
        match message.interface:
            case _ if message.interface == OBJECT_MANAGER:
                return "a{oa{sa{sv}}}", (self._tree.managed_objects(),)
            case _ if message.interface == PROPERTIES:
                return self._properties_call(message)
            case _ if message.interface == ADAPTER:
                return self._adapter_call(message)
            case _ if message.interface == DEVICE:
                return self._device_call(message)
            case _ if message.interface == GATT_CHARACTERISTIC:
                return self._characteristic_call(message)
        raise _unknown_method(message)

    def _properties_call(self, message: IncomingMessage) -> Answer:
        match message.member:
            case "Get":
                return "v", (self._tree.get(message.path, *message.body),)
            case "GetAll":
                return "a{sv}", (self._tree.all_of(message.path, message.body[0]),)
            case "Set":
                interface, name, value = message.body
                if (interface, name) == (ADAPTER, "Powered"):
                    self.set_power(bool(value[1]))
                else:
                    self._tree.change(message.path, interface, **{name: value})
                return _NOTHING
        raise _unknown_method(message)

    def _adapter_call(self, message: IncomingMessage) -> Answer:
        self._tree.all_of(message.path, ADAPTER)
        match message.member:
            case "SetDiscoveryFilter":
                uuids = message.body[0].get("UUIDs", ("as", []))[1]
                self._filters[message.sender] = [uuid.lower() for uuid in uuids]
                return _NOTHING
            case "StartDiscovery":
                return self._start_discovery(message.sender)
            case "StopDiscovery":
                if message.sender not in self._scanning:
                    raise DBusError("org.bluez.Error.Failed", "No discovery started")
                self._stop_discovery(message.sender)
                return _NOTHING
            case "RemoveDevice":
                self._device_at(message.body[0]).forget()
                return _NOTHING
        raise _unknown_method(message)

    def _start_discovery(self, client: str) -> Answer:
        self._require_power()
        if client in self._scanning:
            raise DBusError("org.bluez.Error.InProgress", "Operation already in progress")
        self._scanning.add(client)
        if self._advertising is None:
            self._advertising = asyncio.get_running_loop().create_task(self._advertise())
            self._tree.change(ADAPTER_PATH, ADAPTER, Discovering=("b", True))
        return _NOTHING

    def _stop_discovery(self, client: str) -> None:
        self._scanning.discard(client)
        if not self._scanning and self._advertising is not None:
            self._stop_advertising()
            self._tree.change(ADAPTER_PATH, ADAPTER, Discovering=("b", False))

    def _stop_advertising(self) -> None:
        if self._advertising is not None:
            self._advertising.cancel()
            self._advertising = None

    async def _advertise(self) -> None:
        while True:
            for device in self._devices.values():
                if device.advertising and self._passes_filters(device):
                    device.advertise(self._random.randint(-80, -50))
            await asyncio.sleep(self._advertising_interval_s)

    def _passes_filters(self, device: EmulatedDevice) -> bool:
        # bluetoothd merges the filters of its clients; a client without one wants everything.
        wanted = [self._filters.get(client, []) for client in self._scanning]
        return any(not uuids or set(uuids) & set(device.advertised_uuids) for uuids in wanted)

    def _device_call(self, message: IncomingMessage) -> Answer:
        self._tree.all_of(message.path, DEVICE)
        device = self._device_at(message.path)
        match message.member:
            case "Connect":
                self._connect(device)
                return _NOTHING
            case "Disconnect":
                if not device.connected:
                    raise DBusError("org.bluez.Error.NotConnected", "Not Connected")
                device.disconnect()
                return _NOTHING
            case "Pair":
                self._connect(device)
                return _NOTHING
        raise _unknown_method(message)

    def _connect(self, device: EmulatedDevice) -> None:
        self._require_power()
        if device.connected:
            return
        if device.refuse():
            raise DBusError("org.bluez.Error.Failed", "Connection refused (111)")
        if not device.in_range:
            raise DBusError("org.bluez.Error.Failed", "Host is down (112)")
        device.connect()

    def _characteristic_call(self, message: IncomingMessage) -> Answer:
        path = message.path
        device = self._device_at(path.rsplit("/", 2)[0])
        match message.member:
            case "ReadValue":
                return "ay", (device.read(path),)
            case "StartNotify":
                device.start_notify(path, message.sender, self.elapsed_s)
                return _NOTHING
            case "StopNotify":
                device.stop_notify(path, message.sender)
                return _NOTHING
        raise _unknown_method(message)

    def _device_at(self, path: str) -> EmulatedDevice:
        for device in self._devices.values():
            if device.path == path:
                return device
        raise DBusError("org.freedesktop.DBus.Error.UnknownObject", f"no object at {path}")

    def _require_power(self) -> None:
        if not self.powered:
            raise DBusError("org.bluez.Error.NotReady", "Resource Not Ready")


def _unknown_method(message: IncomingMessage) -> DBusError:
    text = f"no method {message.interface}.{message.member}"
    return DBusError("org.freedesktop.DBus.Error.UnknownMethod", text)
