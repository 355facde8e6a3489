"""Several sources behind the face of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from ingest_edge.sensors.events import SensorDescription, SensorStatistics
from ingest_edge.sensors.source import EventSink, SensorSource, SensorUnavailable


class CombinedSensorSource:
    """A :class:`~ingest_edge.sensors.source.SensorSource` that sends each sensor to the source of its
    transport.

    Args:
        sources: one for each transport.
    """

    def __init__(self, sources: Sequence[SensorSource]) -> None:
        self._sources = {source.transport: source for source in sources}
        if len(self._sources) != len(sources):
            raise ValueError("two sources have the same transport")

    @property
    def transport(self) -> str:
        """The transports, joined by ``+``."""
        return "+".join(self._sources)

    async def scan(self, duration_s: float) -> AsyncIterator[SensorDescription]:
        """Scan with all sources at once.

        Raises:
            SensorUnavailable: a radio cannot be used; raised at the end, after what the others found.
        """
        found: asyncio.Queue[SensorDescription | None] = asyncio.Queue()

        async def scan_one(source: SensorSource) -> None:
            try:
                async for description in source.scan(duration_s):
                    found.put_nowait(description)
            finally:
                found.put_nowait(None)

        scans = [asyncio.create_task(scan_one(source)) for source in self._sources.values()]
        try:
            finished = 0
            while finished < len(scans):
                description = await found.get()
                if description is None:
                    finished += 1
                else:
                    yield description
            outcomes = await asyncio.gather(*scans, return_exceptions=True)
            _raise_failures([outcome for outcome in outcomes if isinstance(outcome, BaseException)])
        finally:
            for scan in scans:
                scan.cancel()
            await asyncio.gather(*scans, return_exceptions=True)

    async def run(self, sensors: Sequence[SensorDescription], sink: EventSink) -> None:
        """Run every source with its own sensors until cancelled.

        Raises:
            ValueError: a sensor's transport has no source.
        """
        by_transport: dict[str, list[SensorDescription]] = {}
        for sensor in sensors:
            by_transport.setdefault(sensor.transport, []).append(sensor)
        unknown = by_transport.keys() - self._sources.keys()
        if unknown:
            raise ValueError(f"no source for {', '.join(sorted(unknown))}")
        async with asyncio.TaskGroup() as group:
            for transport, own_sensors in by_transport.items():
                group.create_task(self._sources[transport].run(own_sensors, sink))

    def statistics(self) -> Mapping[str, SensorStatistics]:
        """The counters of all sources."""
        return {
            sensor_id: statistics
            for source in self._sources.values()
            for sensor_id, statistics in source.statistics().items()
        }


def _raise_failures(failures: Sequence[BaseException]) -> None:
    for failure in failures:
        if not isinstance(failure, SensorUnavailable):
            raise failure
    if failures:
        raise SensorUnavailable("; ".join(map(str, failures))) from failures[0]
