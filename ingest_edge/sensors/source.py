"""The port of sensor sources: Bluetooth LE today; ANT+ or another radio is one more class of this shape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from ingest_edge.sensors.events import SensorDescription, SensorEvent, SensorStatistics


class EventSink(Protocol):
    """Takes events on the event loop, at once: it must neither block nor await."""

    def offer(self, event: SensorEvent) -> bool:
        """Take an event; False means that it was refused because there is no room."""
        ...


class SensorUnavailable(Exception):
    """The radio cannot be used now: no adapter, switched off, or its daemon is gone. The text says which."""


class SensorSource(Protocol):
    """One kind of radio.

    A source survives everything that the air does to it: ``run`` ends by cancellation alone.
    """

    @property
    def transport(self) -> str:
        """The name that the descriptions of this source carry."""
        ...

    def scan(self, duration_s: float) -> AsyncIterator[SensorDescription]:
        """Look for sensors during ``duration_s`` seconds.

        Yields a sensor when it is first seen, and again when its name or kinds become better known.

        Raises:
            SensorUnavailable: the radio cannot be used.
        """
        ...

    async def run(self, sensors: Sequence[SensorDescription], sink: EventSink) -> None:
        """Keep these sensors connected and offer their events to ``sink`` until cancelled.

        Returns only when there are no sensors.

        Raises:
            ValueError: a sensor is given twice or belongs to another transport.
        """
        ...

    def statistics(self) -> Mapping[str, SensorStatistics]:
        """Counters by sensor id of the current or the last run."""
        ...
