"""One recording of a command: from the choice of sensors to the finished recording in the spool."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest_edge.cli.keys import key_presses
from ingest_edge.cli.output import Output, duration
from ingest_edge.cli.record_display import RecordDisplay
from ingest_edge.cli.remembered import load_sensors, save_sensors
from ingest_edge.cli.running import Edge, Road, unless_stopped
from ingest_edge.cli.sensing import chosen, named, scan
from ingest_edge.cli.service import ServiceManager
from ingest_edge.recorder import Recorded, Recorder, RecorderSettings
from ingest_edge.sensors.events import SensorDescription
from ingest_edge.sensors.source import EventSink, SensorSource
from ingest_edge.settings import sport_number
from ingest_edge.spool import SpooledRecording, SpoolState


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What the command line asks for."""

    sport: str | None
    title: str
    sensors: tuple[str, ...]
    duration_s: float | None
    fresh: bool


async def choose_sensors(
    edge: Edge, source: SensorSource, addresses: Sequence[str]
) -> list[SensorDescription]:
    """The sensors with these addresses, or the remembered ones, or all that a scan finds: remembered then."""
    remembered = load_sensors(edge.settings.home)
    known = chosen(remembered, addresses) if addresses else remembered
    if known and len(known) >= len({address.lower() for address in addresses}):
        return known
    edge.output.line(f"Looking for sensors for {edge.settings.scan_s:g} s ...")
    found: list[SensorDescription] = []
    await unless_stopped(edge, _scan_into(found, source, edge.settings.scan_s))
    sensors = chosen([*remembered, *found], addresses) if addresses else found
    if sensors and not addresses:
        save_sensors(edge.settings.home, sensors)
    for sensor in sensors:
        edge.output.line(named(sensor))
    return sensors


async def _scan_into(found: list[SensorDescription], source: SensorSource, seconds: float) -> None:
    found.extend(await scan(source, seconds))


async def new_recorder(
    edge: Edge, road: Road, sensors: Sequence[SensorDescription], options: RecordOptions
) -> Recorder:
    """A recorder that has begun; it goes on with an interrupted recording where there is one.

    Raises:
        SpoolFull: there is too little room for another recording.
    """
    settings = RecorderSettings(
        writer_id=edge.writer_id,
        sport=sport_number(options.sport or edge.settings.sport),
        title=options.title,
        flush_interval_s=edge.settings.flush_interval_s,
    )
    interrupted = await road.spool.recordings([SpoolState.RECORDING])
    resume = await _only_last(road, interrupted)
    recorder = Recorder(road.spool, settings, sensors, resume=resume)
    await recorder.start()
    edge.output.event("recording", recording_id=recorder.recording_id, resumed=resume is not None)
    if resume is not None:
        edge.output.line(f"Going on with the recording that was interrupted ({resume.samples} samples).")
    return recorder


async def _only_last(road: Road, interrupted: Sequence[SpooledRecording]) -> SpooledRecording | None:
    if not interrupted:
        return None
    await road.spool.end_interrupted(interrupted[-1].updated_ms - 1)
    return await road.spool.find(interrupted[-1].recording_id)


@contextlib.asynccontextmanager
async def sensing(
    edge: Edge, source: SensorSource, sensors: Sequence[SensorDescription], sink: EventSink
) -> AsyncIterator[list[asyncio.Future[Any]]]:
    """Keep the sensors connected during the block; yields what ends it: a signal, a radio that fails."""
    manager = ServiceManager()
    running = asyncio.create_task(source.run(sensors, sink))
    stopped = asyncio.create_task(edge.stop.wait())
    alive = asyncio.create_task(manager.keep_alive())
    manager.notify("READY=1")
    try:
        yield [running, stopped]
    finally:
        manager.notify("STOPPING=1")
        if running.done() and not running.cancelled() and running.exception() is not None:
            edge.output.problem(f"the sensors cannot be read any more: {running.exception()}")
        for task in (running, stopped, alive):
            task.cancel()
        await asyncio.gather(running, stopped, alive, return_exceptions=True)


async def run_recorder(
    edge: Edge,
    road: Road,
    recorder: Recorder,
    ends: Sequence[asyncio.Future[Any]],
    *,
    duration_s: float | None = None,
    line_interval_s: float = 5.0,
) -> Recorded:
    """Show and write what the recorder is offered until one of `ends` is done, or the time is over.

    Where nobody looks at a terminal a line is printed every `line_interval_s` seconds.

    Raises:
        SpoolError: the spool cannot be used any more.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, recorder.lap)
    writing = asyncio.create_task(recorder.run())
    try:
        with RecordDisplay(edge.output, road.uplink, line_interval_s) as display, _keys(edge, recorder):
            recorder.on_flush = display.show
            await asyncio.wait([*ends, writing], timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        recorder.on_flush = None
        loop.remove_signal_handler(signal.SIGUSR1)
    try:
        return await recorder.stop()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _keys(edge: Edge, recorder: Recorder) -> contextlib.AbstractContextManager[None]:
    def pause_or_resume() -> None:
        if recorder.live().paused:
            recorder.resume()
        else:
            recorder.pause()

    return key_presses({"l": recorder.lap, "p": pause_or_resume, "q": edge.stop.set})


def say_recorded(output: Output, recorded: Recorded) -> None:
    """What was recorded, source by source."""
    output.event(
        "finished",
        recording_id=recorded.recording_id,
        elapsed_s=round(recorded.elapsed_s, 3),
        samples=recorded.stored,
        lost=recorded.lost,
        sources={source.source_id: source.stored for source in recorded.sources},
    )
    output.line(f"Recorded {recorded.stored} samples in {duration(recorded.elapsed_s)}:")
    for source in recorded.sources:
        if source.stored or source.lost:
            lost = f", {source.lost} lost for lack of room" if source.lost else ""
            output.line(f"  {source.source_id}: {source.stored}{lost}")
