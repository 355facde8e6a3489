"""One remote device as bluetoothd sees it: its D-Bus objects, its link, its subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ingest_edge.sensors.gatt.uuids import uuid128
from ingest_edge.simulator.bluez.objects import ObjectTree
from ingest_edge.simulator.bluez.peripheral import Peripheral, PeripheralStatistics
from ingest_edge.simulator.bluez.wire import DBusError, Properties

DEVICE = "org.bluez.Device1"
GATT_SERVICE = "org.bluez.GattService1"
GATT_CHARACTERISTIC = "org.bluez.GattCharacteristic1"
GATT_DESCRIPTOR = "org.bluez.GattDescriptor1"
CLIENT_CONFIGURATION_DESCRIPTOR = "2902"


class EmulatedDevice:
    """A peripheral, what the daemon knows of it, and the faults that it suffers.

    Attributes:
        in_range: whether it can be heard and connected.
        muted: connected, but its notifications stay away.
        dead_link: the daemon believes in a connection that nothing comes through any more.
        refusals: how many more connection attempts fail.
    """

    def __init__(self, peripheral: Peripheral, adapter_path: str, tree: ObjectTree) -> None:
        self.peripheral = peripheral
        self.path = f"{adapter_path}/dev_{peripheral.address.replace(':', '_')}"
        self.in_range = True
        self.muted = False
        self.dead_link = False
        self.refusals = 0
        self.connected = False
        self._adapter_path = adapter_path
        self._tree = tree
        self._subscriptions: set[tuple[str, str]] = set()
        self._paths: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._sending: asyncio.Task[None] | None = None
        self._sent = 0
        self._connects = 0
        self._refused = 0
        self._lay_out_paths()

    @property
    def advertised_uuids(self) -> list[str]:
        """The 128-bit UUIDs in its advertisement."""
        return [uuid128(service.number) for service in self.peripheral.services if service.advertised]

    @property
    def advertising(self) -> bool:
        """A connected peripheral does not advertise."""
        return self.in_range and not self.connected

    def statistics(self) -> PeripheralStatistics:
        """The counters now."""
        return PeripheralStatistics(
            notifications_sent=self._sent,
            connects=self._connects,
            refused_connects=self._refused,
            connected=self.connected,
            subscribed=len(self._subscriptions),
        )

    def advertise(self, rssi_dbm: int) -> None:
        """Be heard by a scan."""
        if self.path in self._tree:
            self._tree.change(self.path, DEVICE, RSSI=("n", rssi_dbm))
        else:
            self._tree.add(self.path, DEVICE, self._properties(rssi_dbm))

    def refuse(self) -> bool:
        """Use up one refusal; False if this connection attempt may succeed."""
        if self.refusals == 0:
            return False
        self.refusals -= 1
        self._refused += 1
        return True

    def connect(self) -> None:
        """Become connected; services follow by :meth:`resolve_services`."""
        self.connected = True
        self._connects += 1
        self._tree.change(self.path, DEVICE, Connected=("b", True))

    def resolve_services(self) -> None:
        """Show the GATT database."""
        if not self.connected or self.path not in self._tree:
            return
        for service in self.peripheral.services:
            service_path = self._paths[service.number]
            self._tree.add(
                service_path,
                GATT_SERVICE,
                {
                    "UUID": ("s", uuid128(service.number)),
                    "Primary": ("b", True),
                    "Device": ("o", self.path),
                    "Includes": ("ao", []),
                },
            )
            for characteristic in service.characteristics:
                self._show_characteristic(service_path, characteristic.number, characteristic.flags)
        self._tree.change(self.path, DEVICE, ServicesResolved=("b", True))

    def disconnect(self) -> None:
        """End the link, from whichever side."""
        if not self.connected:
            return
        self._end_link()
        self._tree.change(self.path, DEVICE, ServicesResolved=("b", False))
        self._tree.change(self.path, DEVICE, Connected=("b", False))
        # bluetoothd drops the attributes of a device that is not paired.
        self._tree.remove_below(self.path, itself=False)

    def die_with_daemon(self) -> None:
        """Lose the link without a word on the bus."""
        self._end_link()

    def forget(self) -> None:
        """Vanish from the bus, as a device that was not paired does some time after the scan."""
        self._end_link()
        self._tree.remove_below(self.path, itself=True)

    def start_notify(self, path: str, client: str, elapsed_at: Callable[[float], float]) -> None:
        """Subscribe a client; ``elapsed_at`` turns the loop's time into the emulator's elapsed seconds."""
        number = self._number_at(path)
        if (client, number) in self._subscriptions:
            raise DBusError("org.bluez.Error.InProgress", "In Progress")
        if "notify" not in self._flags(path):
            raise DBusError("org.bluez.Error.NotSupported", "Operation is not supported")
        self._subscriptions.add((client, number))
        self._tree.change(path, GATT_CHARACTERISTIC, Notifying=("b", True))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send(elapsed_at))

    def stop_notify(self, path: str, client: str) -> None:
        """Unsubscribe a client."""
        number = self._number_at(path)
        if (client, number) not in self._subscriptions:
            raise DBusError("org.bluez.Error.Failed", "No notify session started")
        self._unsubscribe({(client, number)})

    def client_gone(self, client: str) -> None:
        """End the subscriptions of a client that left the bus; the link stays, as bluetoothd does it."""
        self._unsubscribe({entry for entry in self._subscriptions if entry[0] == client})

    def read(self, path: str) -> bytes:
        """ReadValue."""
        if "read" not in self._flags(path):
            raise DBusError("org.bluez.Error.NotPermitted", "Read not permitted")
        if self.dead_link:
            raise DBusError("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e")
        return self.peripheral.read(self._number_at(path))

    def characteristic_path(self, number: str) -> str:
        """The object path of a characteristic."""
        return self._paths[number]

    async def _send(self, elapsed_at: Callable[[float], float]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.peripheral.interval_s)
            if self.muted or self.dead_link:
                continue
            for number, value in self.peripheral.notifications(elapsed_at(loop.time())):
                self._notify(number, value)

    def _notify(self, number: str, value: bytes) -> None:
        if any(subscribed == number for _, subscribed in self._subscriptions):
            self._tree.change(self._paths[number], GATT_CHARACTERISTIC, Value=("ay", value))
            self._sent += 1

    def _unsubscribe(self, entries: set[tuple[str, str]]) -> None:
        self._subscriptions -= entries
        still = {number for _, number in self._subscriptions}
        for number in {number for _, number in entries} - still:
            self._tree.change(self._paths[number], GATT_CHARACTERISTIC, Notifying=("b", False))
        if not self._subscriptions:
            self._stop_sending()

    def _end_link(self) -> None:
        self.connected = False
        self.dead_link = False
        self._subscriptions.clear()
        self._stop_sending()

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _number_at(self, path: str) -> str:
        self._tree.all_of(path, GATT_CHARACTERISTIC)
        if not self.connected:
            raise DBusError("org.bluez.Error.Failed", "Not connected")
        return self._numbers[path]

    def _flags(self, path: str) -> list[str]:
        flags: list[str] = self._tree.get(path, GATT_CHARACTERISTIC, "Flags")[1]
        return flags

    def _lay_out_paths(self) -> None:
        handle = 0x000A
        for service in self.peripheral.services:
            service_path = f"{self.path}/service{handle:04x}"
            self._paths[service.number] = service_path
            handle += 1
            for characteristic in service.characteristics:
                path = f"{service_path}/char{handle:04x}"
                self._paths[characteristic.number] = path
                self._numbers[path] = characteristic.number
                # One handle for the value, one for the descriptor.
                handle += 3

    def _show_characteristic(self, service_path: str, number: str, flags: tuple[str, ...]) -> None:
        path = self._paths[number]
        self._tree.add(
            path,
            GATT_CHARACTERISTIC,
            {
                "UUID": ("s", uuid128(number)),
                "Service": ("o", service_path),
                "Value": ("ay", b""),
                "Notifying": ("b", False),
                "Flags": ("as", list(flags)),
                "MTU": ("q", 247),
            },
        )
        if "notify" in flags:
            self._tree.add(
                f"{path}/desc{int(path[-4:], 16) + 2:04x}",
                GATT_DESCRIPTOR,
                {
                    "UUID": ("s", uuid128(CLIENT_CONFIGURATION_DESCRIPTOR)),
                    "Characteristic": ("o", path),
                    "Value": ("ay", b""),
                    "Flags": ("as", ["read", "write"]),
                },
            )

    def _properties(self, rssi_dbm: int) -> Properties:
        return {
            "Address": ("s", self.peripheral.address),
            "AddressType": ("s", "random"),
            "Name": ("s", self.peripheral.name),
            "Alias": ("s", self.peripheral.name),
            "Paired": ("b", False),
            "Bonded": ("b", False),
            "Trusted": ("b", False),
            "Blocked": ("b", False),
            "LegacyPairing": ("b", False),
            "Connected": ("b", False),
            "UUIDs": ("as", self.advertised_uuids),
            "Adapter": ("o", self._adapter_path),
            "ServicesResolved": ("b", False),
            "RSSI": ("n", rssi_dbm),
        }
