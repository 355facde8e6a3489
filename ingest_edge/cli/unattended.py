"""`pulsemesh-edge record --unattended`: a gateway that records by itself whenever its sensors are worn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.recording import (
    RecordOptions,
    choose_sensors,
    new_recorder,
    run_recorder,
    say_recorded,
    sensing,
)
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.cli.sensing import sensor_sources
from ingest_edge.recorder import Recorder
from ingest_edge.sensors.events import Reading, SensorDescription, SensorEvent
from ingest_edge.sensors.source import SensorUnavailable
from ingest_edge.spool import SpoolFull, SpoolState

_HELD_EVENTS = 1000
_RETRY_S = 30.0
_LINE_INTERVAL_S = 60.0


class EventRelay:
    """Hands events to the recorder of now; between two recordings it keeps the latest.

    Attributes:
        woken: a reading came while there was no recorder.
    """

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self._recorder: Recorder | None = None
        self._held: deque[SensorEvent] = deque(maxlen=_HELD_EVENTS)

    def offer(self, event: SensorEvent) -> bool:
        """Take an event at once."""
        if self._recorder is not None:
            return self._recorder.offer(event)
        self._held.append(event)
        if isinstance(event, Reading):
            self.woken.set()
        return True

    def attach(self, recorder: Recorder) -> None:
        """From now on events go to `recorder`, those that were kept first."""
        self._recorder = recorder
        self.woken.clear()
        while self._held:
            recorder.offer(self._held.popleft())

    def detach(self) -> None:
        """Keep events again."""
        self._recorder = None


async def record_unattended(edge: Edge, options: RecordOptions) -> ExitCode:
    """Record whenever sensors speak, until a signal."""
    resume_within_s = 0.0 if options.fresh else edge.settings.resume_within_s
    async with open_road(edge, resume_within_s=resume_within_s) as road:
        source = sensor_sources(edge.settings)
        sensors: list[SensorDescription] = []
        while not sensors and not edge.stop.is_set():
            try:
                sensors = await choose_sensors(edge, source, options.sensors)
            except SensorUnavailable as unavailable:
                edge.output.problem(f"Bluetooth cannot be used: {unavailable}")
                await unless_stopped(edge, asyncio.sleep(_RETRY_S))
        if edge.stop.is_set():
            return ExitCode.GOOD
        async with sensing(edge, source, sensors, relay := EventRelay()) as ends:
            await _Gateway(edge, road, sensors, options, relay=relay, ends=ends).run()
        return ExitCode.GOOD if edge.stop.is_set() else ExitCode.NO_SENSOR


class _Gateway:
    """One recording after the other, until one of `ends` is done."""

    def __init__(
        self,
        edge: Edge,
        road: Road,
        sensors: Sequence[SensorDescription],
        options: RecordOptions,
        *,
        relay: EventRelay,
        ends: Sequence[asyncio.Future[Any]],
    ) -> None:
        self._edge = edge
        self._road = road
        self._sensors = sensors
        self._options = options
        self._relay = relay
        self._ends = ends

    async def run(self) -> None:
        if await self._road.spool.recordings([SpoolState.RECORDING]):
            # Cut off a moment ago: the ride goes on.
            await self._record()
        while await self._woken():
            try:
                await self._record()
            except SpoolFull as full:
                self._edge.output.problem(f"{full} Recording begins once there is room.")
                await unless_stopped(self._edge, asyncio.sleep(_RETRY_S))

    async def _woken(self) -> bool:
        """Wait for a reading; False where the end came."""
        woken = asyncio.create_task(self._relay.woken.wait())
        try:
            await asyncio.wait([*self._ends, woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        return not any(end.done() for end in self._ends)

    async def _record(self) -> None:
        """One recording, from the first reading to the silence after the last."""
        recorder = await new_recorder(self._edge, self._road, self._sensors, self._options)
        self._relay.attach(recorder)
        silent = asyncio.create_task(_until_silent(recorder, self._edge.settings.silence_ends_s))
        try:
            recorded = await run_recorder(
                self._edge, self._road, recorder, [*self._ends, silent], line_interval_s=_LINE_INTERVAL_S
            )
        finally:
            self._relay.detach()
            silent.cancel()
        if recorded.stored or recorded.lost:
            say_recorded(self._edge.output, recorded)


async def _until_silent(recorder: Recorder, silence_s: float) -> None:
    while True:
        left = silence_s - recorder.silence_s
        if left <= 0:
            return
        await asyncio.sleep(max(left, 0.05))
