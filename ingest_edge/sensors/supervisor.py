"""Keeps one sensor connected for ever, and turns what it says into events."""

from __future__ import annotations

import asyncio
import logging

from bleak.backends.device import BLEDevice

from ingest_edge.sensors.advertisements import Advertisements, SensorNotFound, describe_failure
from ingest_edge.sensors.backoff import Backoff
from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.connection import BleConnection
from ingest_edge.sensors.events import (
    BatteryLevel,
    ConnectionEstablished,
    ConnectionLost,
    ConnectionRestored,
    DeviceInformation,
    Reading,
    SensorDescription,
    SensorEvent,
    SensorStatistics,
)
from ingest_edge.sensors.gatt import MalformedMeasurement, parse_battery_level
from ingest_edge.sensors.gatt.device import BATTERY_CHARACTERISTIC
from ingest_edge.sensors.interpretation import SensorInterpreter
from ingest_edge.sensors.source import EventSink

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S = 1.0
"""How often a quiet connection is looked at, for idle wheels and for silence."""


class SensorSupervisor:
    """The life of one sensor: locate, connect, listen, watch, close, pause, again.

    Args:
        sensor: which one.
        settings: times and limits.
        advertisements: the shared scanner.
        connect_slots: bounds how many sensors connect at once.
        clock: stamps everything.
        sink: takes the events.
        statistics: counts, exactly.
    """

    def __init__(
        self,
        sensor: SensorDescription,
        *,
        settings: BleSettings,
        advertisements: Advertisements,
        connect_slots: asyncio.Semaphore,
        clock: SampleClock,
        sink: EventSink,
        statistics: SensorStatistics,
    ) -> None:
        self._sensor = sensor
        self._settings = settings
        self._advertisements = advertisements
        self._connect_slots = connect_slots
        self._clock = clock
        self._sink = sink
        self._statistics = statistics
        self._interpreter = SensorInterpreter(
            sensor.sensor_id, wheel_circumference_m=settings.wheel_circumference_m
        )
        self._backoff = Backoff(settings.first_retry_s, settings.longest_retry_s, settings.retry_jitter)
        self._leftover_checked = False
        self._established = False
        self._connected = False
        self._heard_on_this_connection = False
        self._lost_since_ms: int | None = None
        self._last_heard_s = 0.0
        self._battery_percent: int | None = None
        self._information_known = False

    async def run(self) -> None:
        """Supervise until cancelled."""
        while True:
            try:
                await self._connect_and_listen()
            except Exception as error:
                self._note_failed_attempt(error)
            await asyncio.sleep(self._backoff.next_pause_s())

    async def _connect_and_listen(self) -> None:
        device = await self._locate()
        self._connected = self._heard_on_this_connection = False
        self._interpreter.reconnected()
        connection = BleConnection(device, self._settings, self._on_notification)
        try:
            async with self._connect_slots:
                await connection.open(self._interpreter.characteristics)
            self._on_connected()
            self._on_lost(await self._listen(connection))
        except Exception as error:
            # Once data came through it is a loss, even if the set-up was not finished.
            if not self._connected:
                raise
            self._on_lost(describe_failure(error))
        finally:
            await connection.close()

    async def _locate(self) -> BLEDevice:
        # A sensor that is connected does not advertise. A process that crashed may have left a connection
        # behind, so that is looked at first, and again when nothing is heard of the sensor. In between the
        # system's word is not taken for it: after the death of the daemon it is out of date until the next
        # advertisement.
        if not self._leftover_checked:
            device = await self._advertisements.connected(self._sensor.address)
            self._leftover_checked = True
            if device is not None:
                return device
        try:
            return await self._advertisements.locate(self._sensor.address)
        except SensorNotFound:
            device = await self._advertisements.connected(self._sensor.address)
            if device is None:
                raise
            return device

    async def _listen(self, connection: BleConnection) -> str:
        introduction = asyncio.create_task(self._introduce(connection))
        try:
            return await self._watch(connection)
        finally:
            introduction.cancel()
            await asyncio.gather(introduction, return_exceptions=True)

    async def _watch(self, connection: BleConnection) -> str:
        """Wait for the end of the connection and tell why it ended."""
        loop = asyncio.get_running_loop()
        self._last_heard_s = loop.time()
        silence_timeout_s = self._settings.silence_timeout_s
        while (remaining_s := self._last_heard_s + silence_timeout_s - loop.time()) > 0:
            try:
                await asyncio.wait_for(connection.lost.wait(), min(remaining_s, WATCH_INTERVAL_S))
            except TimeoutError:
                for reading in self._interpreter.fallen_idle(self._clock.now_ms()):
                    self._offer_reading(reading)
            else:
                return "disconnected"
        self._statistics.silences += 1
        return f"silent for {silence_timeout_s:g} s"

    async def _introduce(self, connection: BleConnection) -> None:
        """Report battery and device information; a sensor that refuses to tell them is no worse for it."""
        try:
            battery = await connection.battery()
            if battery is not None:
                self._report_battery(battery)
            if not self._information_known:
                fields = await connection.device_information()
                self._information_known = True
                if fields:
                    self._offer(DeviceInformation(self._sensor.sensor_id, self._clock.now_ms(), fields))
        except Exception as error:
            logger.info("%s does not introduce itself: %s", self._sensor.sensor_id, describe_failure(error))

    def _on_notification(self, characteristic: str, value: bytes) -> None:
        # bleak drops what a callback raises: whatever happens here must be counted and logged here.
        try:
            if characteristic == BATTERY_CHARACTERISTIC:
                self._report_battery(value)
            else:
                self._interpret(characteristic, value)
        except Exception:
            self._statistics.callback_errors += 1
            logger.exception("%s: cannot handle a notification", self._sensor.sensor_id)

    def _interpret(self, characteristic: str, value: bytes) -> None:
        self._statistics.received += 1
        self._on_heard()
        try:
            readings = self._interpreter.interpret(characteristic, value, self._clock.now_ms())
        except MalformedMeasurement as error:
            self._statistics.malformed += 1
            logger.debug("%s: %s", self._sensor.sensor_id, error)
            return
        if not readings:
            self._statistics.without_reading += 1
        for reading in readings:
            self._offer_reading(reading)

    def _report_battery(self, value: bytes) -> None:
        try:
            percent = parse_battery_level(value)
        except MalformedMeasurement as error:
            logger.debug("%s: %s", self._sensor.sensor_id, error)
            return
        if percent != self._battery_percent:
            self._battery_percent = percent
            self._offer(BatteryLevel(self._sensor.sensor_id, self._clock.now_ms(), percent))

    def _on_connected(self) -> None:
        """Count and announce a connection once, at its first notification or at its last subscription."""
        if self._connected:
            return
        self._connected = True
        self._statistics.connects += 1
        if not self._established:
            self._established = True
            self._offer(ConnectionEstablished(self._sensor.sensor_id, self._clock.now_ms()))

    def _on_heard(self) -> None:
        self._last_heard_s = asyncio.get_running_loop().time()
        if self._heard_on_this_connection:
            return
        self._heard_on_this_connection = True
        self._on_connected()
        # Only data show that a connection is worth something: a mute sensor must not be retried at full pace.
        self._backoff.reset()
        if self._lost_since_ms is not None:
            now_ms = self._clock.now_ms()
            self._offer(ConnectionRestored(self._sensor.sensor_id, now_ms, now_ms - self._lost_since_ms))
            self._lost_since_ms = None

    def _on_lost(self, reason: str) -> None:
        self._statistics.losses += 1
        logger.info("%s lost: %s", self._sensor.sensor_id, reason)
        if self._lost_since_ms is None:
            self._lost_since_ms = self._clock.now_ms()
            self._offer(ConnectionLost(self._sensor.sensor_id, self._lost_since_ms, reason))

    def _note_failed_attempt(self, error: Exception) -> None:
        failure = describe_failure(error)
        repeated = failure == self._statistics.last_failure
        self._statistics.failed_connects += 1
        self._statistics.last_failure = failure
        level = logging.DEBUG if repeated else logging.INFO
        logger.log(level, "%s: cannot connect: %s", self._sensor.sensor_id, failure)

    def _offer_reading(self, reading: Reading) -> None:
        if self._offer(reading):
            self._statistics.emitted += 1
        else:
            self._statistics.dropped += 1

    def _offer(self, event: SensorEvent) -> bool:
        return self._sink.offer(event)
