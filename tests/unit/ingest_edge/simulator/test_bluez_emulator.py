"""The emulated BlueZ seen by a second D-Bus client: jeepney's own blocking one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from jeepney import DBusAddress, MatchRule, Properties, message_bus, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection

from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import ScriptedSensor, numbered_heart_rate_frame

ADDRESS = "C0:00:00:00:00:01"
ADAPTER = DBusAddress("/org/bluez/hci0", "org.bluez", "org.bluez.Adapter1")
DEVICE_PATH = "/org/bluez/hci0/dev_C0_00_00_00_00_01"
DEVICE = DBusAddress(DEVICE_PATH, "org.bluez", "org.bluez.Device1")
MEASUREMENT_PATH = f"{DEVICE_PATH}/service000a/char000b"
MEASUREMENT = DBusAddress(MEASUREMENT_PATH, "org.bluez", "org.bluez.GattCharacteristic1")
OBJECTS = DBusAddress("/", "org.bluez", "org.freedesktop.DBus.ObjectManager")
PATIENCE_S = 30.0


@pytest.fixture
def bluez() -> Iterator[EmulatedBlueZ]:
    frames = [numbered_heart_rate_frame(number) for number in range(5)]
    with EmulatedBlueZ([ScriptedSensor(ADDRESS, frames)], advertising_interval_s=0.01) as emulator:
        yield emulator


@pytest.fixture
def client(bluez: EmulatedBlueZ) -> Iterator[DBusConnection]:
    with closing(open_dbus_connection(bluez.address)) as connection:
        yield connection


def ask(client: DBusConnection, where: DBusAddress, method: str, *arguments: Any, signature: str = "") -> Any:
    """Call a method; return its body, or the name of the error."""
    call = new_method_call(where, method, signature or None, arguments)
    reply = client.send_and_get_reply(call, timeout=PATIENCE_S)
    names = {field.name: value for field, value in reply.header.fields.items()}
    return names.get("error_name", reply.body)


def signals(client: DBusConnection, member: str) -> Iterator[Any]:
    """The bodies of the next signals of this name."""
    while True:
        message = client.receive(timeout=PATIENCE_S)
        names = {field.name: value for field, value in message.header.fields.items()}
        if names.get("member") == member:
            yield message.body


def discover(client: DBusConnection) -> None:
    """Scan until the device is known."""
    added = MatchRule(type="signal", member="InterfacesAdded")
    client.send_and_get_reply(message_bus.AddMatch(added), timeout=PATIENCE_S)
    ask(client, ADAPTER, "StartDiscovery")
    assert next(body for body in signals(client, "InterfacesAdded"))[0] == DEVICE_PATH


def connect(client: DBusConnection) -> None:
    """Scan and connect until the services are resolved."""
    discover(client)
    changed = MatchRule(type="signal", member="PropertiesChanged")
    client.send_and_get_reply(message_bus.AddMatch(changed), timeout=PATIENCE_S)
    assert ask(client, DEVICE, "Connect") == ()
    next(body for body in signals(client, "PropertiesChanged") if "ServicesResolved" in body[1])


def test_the_bus_says_who_owns_a_name(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    (owned,) = client.send_and_get_reply(message_bus.NameHasOwner("org.bluez")).body
    assert owned
    bluez.kill_daemon()
    (owned,) = client.send_and_get_reply(message_bus.NameHasOwner("org.bluez")).body
    assert not owned


def test_a_call_to_a_dead_daemon_fails(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    bluez.kill_daemon()
    assert ask(client, ADAPTER, "StartDiscovery") == "org.freedesktop.DBus.Error.ServiceUnknown"


def test_the_change_of_a_name_is_announced(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    rule = MatchRule(type="signal", member="NameOwnerChanged", sender="org.freedesktop.DBus")
    client.send_and_get_reply(message_bus.AddMatch(rule), timeout=PATIENCE_S)
    bluez.kill_daemon()
    name, old_owner, new_owner = next(signals(client, "NameOwnerChanged"))
    assert (name, new_owner) == ("org.bluez", "")
    assert old_owner


def test_a_removed_rule_lets_nothing_through(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    rule = MatchRule(type="signal", member="NameOwnerChanged")
    client.send_and_get_reply(message_bus.AddMatch(rule), timeout=PATIENCE_S)
    client.send_and_get_reply(message_bus.RemoveMatch(rule), timeout=PATIENCE_S)
    bluez.kill_daemon()
    # The reply to a later call is the next thing to come.
    client.send(message_bus.ListNames())
    assert "org.freedesktop.DBus" in client.receive(timeout=PATIENCE_S).body[0]


def test_devices_are_unknown_until_a_scan(client: DBusConnection) -> None:
    (objects,) = ask(client, OBJECTS, "GetManagedObjects")
    assert set(objects) == {"/org/bluez/hci0"}
    discover(client)
    (objects,) = ask(client, OBJECTS, "GetManagedObjects")
    assert objects[DEVICE_PATH]["org.bluez.Device1"]["Address"] == ("s", ADDRESS)


def test_a_second_discovery_of_one_client_is_refused(client: DBusConnection) -> None:
    assert ask(client, ADAPTER, "StartDiscovery") == ()
    assert ask(client, ADAPTER, "StartDiscovery") == "org.bluez.Error.InProgress"
    assert ask(client, ADAPTER, "StopDiscovery") == ()
    assert ask(client, ADAPTER, "StopDiscovery") == "org.bluez.Error.Failed"


def test_a_filter_by_service_hides_other_devices(client: DBusConnection) -> None:
    heart_rate, power = (f"0000{number}-0000-1000-8000-00805f9b34fb" for number in ("180d", "1818"))
    ask(client, ADAPTER, "SetDiscoveryFilter", {"UUIDs": ("as", [power])}, signature="a{sv}")
    ask(client, ADAPTER, "StartDiscovery")
    time.sleep(0.05)
    assert set(ask(client, OBJECTS, "GetManagedObjects")[0]) == {"/org/bluez/hci0"}
    ask(client, ADAPTER, "StopDiscovery")
    ask(client, ADAPTER, "SetDiscoveryFilter", {"UUIDs": ("as", [heart_rate])}, signature="a{sv}")
    discover(client)


def test_notifications_come_in_order_and_are_counted(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    connect(client)
    assert ask(client, MEASUREMENT, "StartNotify") == ()
    values = []
    for interface, changed, _ in signals(client, "PropertiesChanged"):
        if interface.endswith("GattCharacteristic1") and "Value" in changed:
            values.append(changed["Value"][1])
            if len(values) == 5:
                break
    assert values == [numbered_heart_rate_frame(number) for number in range(5)]
    assert bluez.statistics(ADDRESS).notifications_sent == 5


def test_a_client_that_leaves_ends_its_subscriptions_but_not_the_link(bluez: EmulatedBlueZ) -> None:
    with closing(open_dbus_connection(bluez.address)) as leaving:
        connect(leaving)
        ask(leaving, MEASUREMENT, "StartNotify")
        assert bluez.statistics(ADDRESS).subscribed == 1
    deadline = time.monotonic() + PATIENCE_S
    while bluez.connection_count and time.monotonic() < deadline:
        time.sleep(0.005)
    statistics = bluez.statistics(ADDRESS)
    assert (statistics.subscribed, statistics.connected) == (0, True)


def test_reading_a_value_and_a_property(client: DBusConnection) -> None:
    connect(client)
    battery = DBusAddress(f"{DEVICE_PATH}/service000e/char000f", "org.bluez", "org.bluez.GattCharacteristic1")
    assert ask(client, battery, "ReadValue", {}, signature="a{sv}") == (b"\x57",)
    assert ask(client, MEASUREMENT, "ReadValue", {}, signature="a{sv}") == "org.bluez.Error.NotPermitted"
    reply = client.send_and_get_reply(Properties(DEVICE).get("Connected"), timeout=PATIENCE_S)
    assert reply.body == (("b", True),)


def test_a_dropped_device_loses_its_attributes(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    connect(client)
    bluez.drop(ADDRESS)
    (objects,) = ask(client, OBJECTS, "GetManagedObjects")
    assert set(objects) == {"/org/bluez/hci0", DEVICE_PATH}
    assert ask(client, MEASUREMENT, "StartNotify") == "org.freedesktop.DBus.Error.UnknownObject"


def test_refusals_are_used_up(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    discover(client)
    bluez.refuse_connections(ADDRESS, 2)
    outcomes = [ask(client, DEVICE, "Connect") for _ in range(3)]
    assert outcomes == ["org.bluez.Error.Failed", "org.bluez.Error.Failed", ()]


def test_nothing_works_without_power(bluez: EmulatedBlueZ, client: DBusConnection) -> None:
    discover(client)
    bluez.power_adapter(False)
    assert ask(client, ADAPTER, "StartDiscovery") == "org.bluez.Error.NotReady"
    assert ask(client, DEVICE, "Connect") == "org.bluez.Error.NotReady"


def test_an_unknown_method_is_named(client: DBusConnection) -> None:
    assert ask(client, ADAPTER, "Explode") == "org.freedesktop.DBus.Error.UnknownMethod"


def test_a_killed_bus_listens_again_at_the_same_address(bluez: EmulatedBlueZ) -> None:
    address = bluez.address
    bluez.kill_bus()
    with pytest.raises(OSError, match="No such file"):
        open_dbus_connection(address)
    bluez.start_bus()
    with closing(open_dbus_connection(address)) as client:
        assert ask(client, OBJECTS, "GetManagedObjects")[0]


def test_the_system_bus_is_lent_and_given_back(bluez: EmulatedBlueZ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere")
    with bluez.as_system_bus():
        assert os.environ["DBUS_SYSTEM_BUS_ADDRESS"] == bluez.address
    assert os.environ["DBUS_SYSTEM_BUS_ADDRESS"] == "unix:path=/nowhere"


def test_two_peripherals_of_one_address_are_refused() -> None:
    with pytest.raises(ValueError, match="same address"):
        EmulatedBlueZ([ScriptedSensor(ADDRESS, []), ScriptedSensor(ADDRESS.lower(), [])])


def test_outside_of_its_with_block_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="with block"):
        _ = EmulatedBlueZ([]).address
