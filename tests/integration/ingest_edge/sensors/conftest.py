"""A running source on an emulated BlueZ, with everything that it said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from ingest_edge.sensors import (
    BleSensorSource,
    BleSettings,
    EventQueue,
    Reading,
    SensorDescription,
    SensorEvent,
    SensorKind,
    SensorStatistics,
)
from ingest_edge.simulator.bluez import EmulatedBlueZ, Peripheral
from ingest_edge.simulator.peripherals import sequence_of

PATIENCE_S = 60.0
QUICK = BleSettings(
    locate_timeout_s=1.0,
    scan_round_s=1.0,
    operation_timeout_s=5.0,
    disconnect_timeout_s=5.0,
    silence_timeout_s=1.5,
    first_retry_s=0.02,
    longest_retry_s=0.2,
)


def is_no_write_to_a_dead_bus(record: logging.LogRecord) -> bool:
    """Leave out what dbus-fast leaves behind when it writes to a bus that has died.

    It keeps the outcome of each write in a future that nobody reads beside the call that raises. The record
    would be formatted during garbage collection, and where that happens inside of ``ast.parse`` (pytest
    rewrites asserts) CPython 3.11 fails with "AST constructor recursion depth mismatch".
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (isinstance(error, OSError) and "never retrieved" in record.getMessage())


logging.getLogger("asyncio").addFilter(is_no_write_to_a_dead_bus)


class Rig:
    """A source under test; ``events`` grows by itself unless ``consuming`` is off."""

    def __init__(
        self,
        bluez: EmulatedBlueZ,
        source: BleSensorSource,
        queue: EventQueue,
        sensors: Sequence[SensorDescription],
    ) -> None:
        self.bluez = bluez
        self.source = source
        self.queue = queue
        self._running = asyncio.create_task(source.run(sensors, queue))
        self.events: list[SensorEvent] = []

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until ``condition`` holds; fail with ``what`` when patience ends."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}; {dict(self.source.statistics())}"
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Cancel the source and wait for its end."""
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def consume(self) -> None:
        """Collect events until the queue is closed."""
        while batch := await self.queue.get_batch():
            self.events += batch

    def statistics(self, address: str) -> SensorStatistics:
        """The source's counters of one sensor; zeros before it runs."""
        return self.source.statistics().get(f"ble:{address}", SensorStatistics())

    def of(self, kind: type[SensorEvent], address: str | None = None) -> list[SensorEvent]:
        """The events of one kind."""
        return [
            event
            for event in self.events
            if isinstance(event, kind) and (address is None or event.sensor_id == f"ble:{address}")
        ]

    def sequences(self, address: str) -> list[int]:
        """The sequence numbers of the numbered heart rate frames that came through, in order."""
        return [
            sequence_of(event.values["energy"])
            for event in self.of(Reading, address)
            if isinstance(event, Reading) and event.series == "heart_rate"
        ]


def remembered(peripheral: Peripheral, kind: SensorKind = SensorKind.HEART_RATE) -> SensorDescription:
    return SensorDescription("ble", peripheral.address, peripheral.name, frozenset({kind}))


@contextlib.asynccontextmanager
async def rig_of(
    peripherals: Sequence[Peripheral],
    *,
    settings: BleSettings = QUICK,
    capacity: int = 1_000_000,
    consuming: bool = True,
    before: Callable[[EmulatedBlueZ], None] = lambda bluez: None,
) -> AsyncIterator[Rig]:
    async with EmulatedBlueZ(peripherals, advertising_interval_s=0.02) as bluez:
        with bluez.as_system_bus():
            before(bluez)
            sensors = [remembered(peripheral) for peripheral in peripherals]
            rig = Rig(bluez, BleSensorSource(settings), EventQueue(capacity), sensors)
            consumer = asyncio.create_task(rig.consume()) if consuming else None
            try:
                yield rig
            finally:
                await rig.stop()
                rig.queue.close()
                if consumer is not None:
                    await consumer


@pytest.fixture
def make_rig() -> Callable[..., contextlib.AbstractAsyncContextManager[Rig]]:
    return rig_of


@pytest.fixture
def quick_settings() -> BleSettings:
    return QUICK
