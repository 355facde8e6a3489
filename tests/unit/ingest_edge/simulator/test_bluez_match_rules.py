"""Which signals a rule lets through."""

from __future__ import annotations

import pytest

from ingest_edge.simulator.bluez.match_rules import MatchRule, Signal

DEVICE_PATH = "/org/bluez/hci0/dev_C0"
ADDED = Signal(":1.2", "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", (DEVICE_PATH, ""))
CHANGED = Signal(":1.2", DEVICE_PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged", ("x",))


@pytest.mark.parametrize(
    ("rule", "signal", "wanted"),
    [
        ("", ADDED, True),
        ("type=signal", ADDED, True),
        ("type='signal',member='InterfacesAdded'", ADDED, True),
        ("type=method_call", ADDED, False),
        ("member=InterfacesAdded,arg0path=/org/bluez/", ADDED, True),
        ("arg0path=/org/bluez", ADDED, False),
        ("arg0path=/org/other/", ADDED, False),
        ("arg3path=/org/bluez/", ADDED, False),
        (f"arg0='{DEVICE_PATH}'", ADDED, True),
        ("path_namespace=/org/bluez", CHANGED, True),
        ("path_namespace=/org/blue", CHANGED, False),
        (f"path={DEVICE_PATH}", CHANGED, True),
        ("path=/", CHANGED, False),
        ("sender=:1.2,interface=org.freedesktop.DBus.Properties", CHANGED, True),
        ("sender=:1.3", CHANGED, False),
        ("eavesdrop=true", CHANGED, True),
        ("arg0namespace=x", CHANGED, False),
    ],
)
def test_a_rule_lets_through_what_it_names(rule: str, signal: Signal, wanted: bool) -> None:
    assert MatchRule.parse(rule).matches(signal) is wanted
