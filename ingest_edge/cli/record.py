"""`pulsemesh-edge record`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.keys import key_presses
from ingest_edge.cli.output import duration
from ingest_edge.cli.record_display import RecordDisplay
from ingest_edge.cli.remembered import load_sensors, save_sensors
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.cli.sensing import chosen, named, scan, sensor_sources
from ingest_edge.cli.service import ServiceManager
from ingest_edge.cli.workout_summary import say_workout
from ingest_edge.recorder import Recorded, Recorder, RecorderSettings
from ingest_edge.sensors.events import SensorDescription
from ingest_edge.sensors.source import SensorSource
from ingest_edge.settings import sport_names, sport_number
from ingest_edge.spool import SpooledRecording, SpoolState


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What the command line asks for."""

    sport: str | None
    title: str
    sensors: tuple[str, ...]
    duration_s: float | None
    fresh: bool


@click.command("record")
@click.option("--sport", type=click.Choice(sport_names()), help="What is done; cycling by default.")
@click.option("--title", default="", help="A title for the workout.")
@click.option("--sensor", "sensors", multiple=True, metavar="ADDRESS", help="Use this sensor; repeatable.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Finish by itself after this time.")
@click.option("--new", "fresh", is_flag=True, help="Do not go on with a recording that was interrupted.")
@json_option
@pass_edge
def record_command(
    edge: EdgeContext,
    *,
    sport: str | None,
    title: str,
    sensors: tuple[str, ...],
    seconds: float | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Record the chosen sensors and upload as they measure.

    Without chosen sensors all that are found are taken, and remembered. Ctrl-C (SIGINT, SIGTERM) finishes the
    recording; a second one leaves at once and keeps everything in the spool. SIGUSR1 marks a lap. A recording
    that was cut off some minutes ago, by a loss of power say, is gone on with.
    """
    options = RecordOptions(sport, title, sensors, seconds, fresh)

    async def command(edge: Edge) -> ExitCode:
        return await _record(edge, options)

    edge.run(command, as_json=as_json)


async def _record(edge: Edge, options: RecordOptions) -> ExitCode:
    source = sensor_sources(edge.settings)
    resume_within_s = 0.0 if options.fresh else edge.settings.resume_within_s
    # The spool first: whether it can be used is known at once, and what waits goes up during the scan.
    async with open_road(edge, resume_within_s=resume_within_s) as road:
        sensors = await _sensors(edge, source, options.sensors)
        if edge.stop.is_set():
            return ExitCode.INTERRUPTED
        if not sensors:
            return ExitCode.NO_SENSOR
        recorder = await _recorder(edge, road, sensors, options)
        recorded = await _run(edge, road, recorder, source.run(sensors, recorder), options.duration_s)
        return await _finished(edge, road, recorded)


async def _sensors(edge: Edge, source: SensorSource, addresses: Sequence[str]) -> list[SensorDescription]:
    remembered = load_sensors(edge.settings.home)
    known = chosen(remembered, addresses) if addresses else remembered
    if known and len(known) >= len({address.lower() for address in addresses}):
        return known
    edge.output.line(f"Looking for sensors for {edge.settings.scan_s:g} s ...")
    found: list[SensorDescription] = []
    await unless_stopped(edge, _scan_into(found, source, edge.settings.scan_s))
    sensors = chosen([*remembered, *found], addresses) if addresses else found
    if not sensors:
        edge.output.problem(
            "no sensor was found; wake them up (turn the cranks, put the strap on) and try again"
        )
    elif not addresses:
        save_sensors(edge.settings.home, sensors)
    for sensor in sensors:
        edge.output.line(named(sensor))
    return sensors


async def _scan_into(found: list[SensorDescription], source: SensorSource, seconds: float) -> None:
    found.extend(await scan(source, seconds))


async def _recorder(
    edge: Edge, road: Road, sensors: Sequence[SensorDescription], options: RecordOptions
) -> Recorder:
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


async def _run(
    edge: Edge,
    road: Road,
    recorder: Recorder,
    sensing: Coroutine[object, None, None],
    duration_s: float | None,
) -> Recorded:
    """Record until a signal, the time, a key, or a trouble ends it; then finish the recording."""
    manager = ServiceManager()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, recorder.lap)
    alive = asyncio.create_task(manager.keep_alive())
    sensors = asyncio.create_task(sensing)
    ends: list[asyncio.Task[Any]] = [
        sensors,
        asyncio.create_task(recorder.run()),
        asyncio.create_task(edge.stop.wait()),
    ]
    try:
        with RecordDisplay(edge.output, road.uplink) as display, _keys(edge, recorder):
            recorder.on_flush = display.show
            manager.notify("READY=1")
            await asyncio.wait(ends, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        manager.notify("STOPPING=1")
        recorder.on_flush = None
        loop.remove_signal_handler(signal.SIGUSR1)
        alive.cancel()
        sensors.cancel()
        await asyncio.gather(alive, sensors, return_exceptions=True)
    recorded = await recorder.stop()
    for end in ends:
        if end.done() and not end.cancelled() and end.exception() is not None:
            edge.output.problem(f"the recording was ended by a trouble: {end.exception()}")
        end.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    return recorded


def _keys(edge: Edge, recorder: Recorder) -> contextlib.AbstractContextManager[None]:
    def pause_or_resume() -> None:
        if recorder.live().paused:
            recorder.resume()
        else:
            recorder.pause()

    return key_presses({"l": recorder.lap, "p": pause_or_resume, "q": edge.stop.set})


async def _finished(edge: Edge, road: Road, recorded: Recorded) -> ExitCode:
    output = edge.output
    if not recorded.stored:
        await road.spool.discard(recorded.recording_id)
        output.problem("no sensor gave a sample; nothing was kept")
        return ExitCode.NO_SENSOR
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
    return await _uploaded(edge, road, recorded)


async def _uploaded(edge: Edge, road: Road, recorded: Recorded) -> ExitCode:
    # A signal ended the recording; from here on it takes a new one to stop the wait.
    edge.stop.clear()
    road.uplink.expect_contact()
    started = time.monotonic()
    if not await unless_stopped(edge, road.uplink.drained(edge.settings.patience_s)):
        edge.output.problem("interrupted; the recording is finished and kept in the spool")
        return ExitCode.INTERRUPTED
    recording = await road.spool.find(recorded.recording_id)
    if recording is None or recording.state is not SpoolState.CLOSED:
        reason = recording.failure if recording is not None else "gone"
        edge.output.problem(f"the platform did not take the recording: {reason}")
        return ExitCode.SOME_FAILED
    edge.output.event(
        "workout",
        workout_id=recording.workout_id,
        recording_id=recorded.recording_id,
        upload_s=round(time.monotonic() - started, 3),
    )
    await say_workout(edge.output, road.client, recording.workout_id)
    return ExitCode.SOME_FAILED if recorded.lost else ExitCode.GOOD
