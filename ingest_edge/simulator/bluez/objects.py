"""The tree of D-Bus objects that bluetoothd shows, and its change signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingest_edge.simulator.bluez.wire import DBusError, Interfaces, Properties, Variant

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"

Emit = Callable[[str, str, str, str, tuple[Any, ...]], int]
"""(path, interface, member, signature, body) to the number of receivers."""


class ObjectTree:
    """Objects by path; every change is told on the bus."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._objects: dict[str, Interfaces] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._objects

    def managed_objects(self) -> dict[str, Interfaces]:
        """The body of GetManagedObjects."""
        return self._objects

    def add(self, path: str, interface: str, properties: Properties) -> None:
        """Show an object with one interface."""
        self._objects[path] = {interface: properties}
        self._emit("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", (path, self._objects[path]))

    def remove_below(self, path: str, *, itself: bool) -> None:
        """Hide the objects below ``path``, the deepest first, and the object itself if told so."""
        doomed = [known for known in self._objects if known.startswith(path + "/")]
        doomed += [path] if itself and path in self._objects else []
        for known in sorted(doomed, reverse=True):
            interfaces = list(self._objects.pop(known))
            self._emit("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", (known, interfaces))

    def forget_all(self) -> None:
        """Lose everything without a word, as a process that dies."""
        self._objects.clear()

    def get(self, path: str, interface: str, name: str) -> Variant:
        """A property's value.

        Raises:
            DBusError: there is no such object, interface or property.
        """
        try:
            return self.all_of(path, interface)[name]
        except KeyError:
            text = f"{interface}.{name}"
            raise DBusError("org.freedesktop.DBus.Error.UnknownProperty", text) from None

    def all_of(self, path: str, interface: str) -> Properties:
        """All properties of an interface; raises DBusError when there is no such object."""
        try:
            return self._objects[path][interface]
        except KeyError:
            text = f'Method call with interface "{interface}" on unknown object "{path}"'
            raise DBusError("org.freedesktop.DBus.Error.UnknownObject", text) from None

    def change(self, path: str, interface: str, **changes: Variant) -> int:
        """Set properties and tell; return how many clients were told. Nothing happens to a hidden object."""
        interfaces = self._objects.get(path)
        if interfaces is None:
            return 0
        interfaces[interface].update(changes)
        return self._emit(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", (interface, changes, []))
