"""`pulsemesh-edge sync`."""

from __future__ import annotations

import asyncio
import contextlib

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.output import local_time
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.spool import SpooledRecording


@click.command("sync")
@click.option("--retry-failed", is_flag=True, help="Also try again what the platform refused.")
@json_option
@pass_edge
def sync_command(edge: EdgeContext, retry_failed: bool, as_json: bool) -> None:
    """Bring everything that waits in the spool to the platform."""

    async def command(edge: Edge) -> ExitCode:
        return await _sync(edge, retry_failed=retry_failed)

    edge.run(command, as_json=as_json)


async def _sync(edge: Edge, *, retry_failed: bool) -> ExitCode:
    async with open_road(edge) as road:
        if retry_failed:
            await road.spool.retry_failed()
        waiting = await road.spool.recordings()
        total = sum(recording.waiting_samples for recording in waiting)
        edge.output.line(f"{len(waiting)} recordings wait, with {total} samples.")
        showing = asyncio.ensure_future(_show(edge, road, waiting))
        try:
            finished = await unless_stopped(edge, road.uplink.drained(edge.settings.patience_s))
        finally:
            showing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await showing
        return await _result(edge, road, waiting, finished=finished)


async def _result(edge: Edge, road: Road, waiting: list[SpooledRecording], *, finished: bool) -> ExitCode:
    failed = 0
    for before in waiting:
        now = await road.spool.find(before.recording_id)
        if now is None:
            continue
        failed += bool(now.failure)
        edge.output.event(
            "recording",
            recording_id=now.recording_id,
            state=now.state,
            workout_id=now.workout_id,
            reason=now.failure,
        )
        outcome = now.failure or (f"workout {now.workout_id}" if now.workout_id else now.state)
        edge.output.line(f"{local_time(now.start_time_ms)}  {now.samples} samples: {outcome}")
    if not finished:
        return ExitCode.INTERRUPTED
    originals = (await road.spool.status()).originals_failed
    for one in originals:
        edge.output.problem(f"{one.original.path} was not sent: {one.failure}")
    return ExitCode.SOME_FAILED if failed else ExitCode.GOOD


async def _show(edge: Edge, road: Road, waiting: list[SpooledRecording]) -> None:
    if not edge.output.live or not waiting:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=edge.output.console, transient=True) as progress:
        total = sum(recording.samples for recording in waiting)
        bar = progress.add_task("samples", total=total)
        while True:
            done = 0
            for before in waiting:
                known = road.uplink.progress(before.recording_id)
                now = None if known is not None else await road.spool.find(before.recording_id)
                if known is not None:
                    done += known.committed
                elif now is not None:
                    done += now.samples - now.waiting_samples
            progress.update(bar, completed=done, description=road.uplink.trouble or "samples")
            await asyncio.sleep(0.3)
