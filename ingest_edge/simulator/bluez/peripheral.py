"""What the emulated daemon needs to know of a peripheral."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GattCharacteristic:
    """A characteristic by its 16-bit number, e.g. ``"2A37"``; flags as BlueZ names them (``read``,
    ``notify``).
    """

    number: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GattService:
    """A service by its 16-bit number; only advertised ones are seen by a scan."""

    number: str
    characteristics: tuple[GattCharacteristic, ...]
    advertised: bool = True


Notification = tuple[str, bytes]
"""A characteristic's 16-bit number and the value to notify."""


class Peripheral(Protocol):
    """A Bluetooth LE device in the air. Its methods are called on the emulator's own thread."""

    @property
    def address(self) -> str:
        """``AA:BB:CC:DD:EE:FF``, unique."""
        ...

    @property
    def name(self) -> str:
        """The advertised name."""
        ...

    @property
    def services(self) -> Sequence[GattService]:
        """The GATT database."""
        ...

    @property
    def interval_s(self) -> float:
        """Seconds between two calls of :meth:`notifications`."""
        ...

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """What to send now.

        Called once an interval while a client is subscribed, and never while the sensor is mute, so that
        every value that is returned here is sent, unless nobody subscribed to its own characteristic.

        Args:
            elapsed_s: seconds since the emulator's start.
        """
        ...

    def read(self, number: str) -> bytes:
        """The value of a readable characteristic; KeyError if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class PeripheralStatistics:
    """Exact counters of one peripheral.

    Attributes:
        notifications_sent: values given to the bus while a client was subscribed.
        connects: connections that succeeded.
        refused_connects: connections that were refused on purpose.
        connected: whether the daemon holds a connection now.
        subscribed: how many (client, characteristic) subscriptions there are now.
    """

    notifications_sent: int
    connects: int
    refused_connects: int
    connected: bool
    subscribed: int
