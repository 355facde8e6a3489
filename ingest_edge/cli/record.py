"""`pulsemesh-edge record`."""

from __future__ import annotations

import time

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
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
from ingest_edge.cli.unattended import record_unattended
from ingest_edge.cli.workout_summary import say_workout
from ingest_edge.recorder import Recorded
from ingest_edge.settings import sport_names
from ingest_edge.spool import SpoolState


@click.command("record")
@click.option("--sport", type=click.Choice(sport_names()), help="What is done; cycling by default.")
@click.option("--title", default="", help="A title for the workout.")
@click.option("--sensor", "sensors", multiple=True, metavar="ADDRESS", help="Use this sensor; repeatable.")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Finish by itself after this time.")
@click.option(
    "--unattended",
    is_flag=True,
    help="Stay: begin a recording when a sensor speaks, end it when all have been silent, and so on.",
)
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
    unattended: bool,
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
        return await (record_unattended if unattended else _record)(edge, options)

    edge.run(command, as_json=as_json)


async def _record(edge: Edge, options: RecordOptions) -> ExitCode:
    source = sensor_sources(edge.settings)
    resume_within_s = 0.0 if options.fresh else edge.settings.resume_within_s
    # The spool first: whether it can be used is known at once, and what waits goes up during the scan.
    async with open_road(edge, resume_within_s=resume_within_s) as road:
        sensors = await choose_sensors(edge, source, options.sensors)
        if edge.stop.is_set():
            return ExitCode.INTERRUPTED
        if not sensors:
            edge.output.problem("no sensor was found; wake them up (turn the cranks, put the strap on)")
            return ExitCode.NO_SENSOR
        recorder = await new_recorder(edge, road, sensors, options)
        async with sensing(edge, source, sensors, recorder) as ends:
            recorded = await run_recorder(edge, road, recorder, ends, duration_s=options.duration_s)
        return await _finished(edge, road, recorded)


async def _finished(edge: Edge, road: Road, recorded: Recorded) -> ExitCode:
    output = edge.output
    if not (recorded.stored or recorded.lost):
        output.problem("no sensor gave a sample; nothing was kept")
        return ExitCode.NO_SENSOR
    say_recorded(output, recorded)
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
