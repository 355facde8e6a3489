"""`pulsemesh-edge watch`."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.import_files import decoder_pool, job_runner, new_importer, say_outcome
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.cli.service import ServiceManager
from ingest_edge.files.isolation import DecoderPool
from ingest_edge.importer import FileStatus, JobRuns, Ledger, open_ledger
from ingest_edge.uplink import CredentialsRefused
from ingest_edge.watch import FolderWatch

_NO_ROOM_PAUSE_S = 30.0
_QUEUE_PAUSE_S = 2.0


@click.command("watch")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--interval", type=click.FloatRange(min=0.05), default=2.0, show_default=True, help="Seconds.")
@json_option
@pass_edge
def watch_command(edge: EdgeContext, folder: Path, interval: float, as_json: bool) -> None:
    """Import every device file that appears in a folder, until interrupted.

    A file is taken once it has stopped growing. The folder may come and go, as that of a plugged-in device
    does.
    """

    async def command(edge: Edge) -> ExitCode:
        return await _watch(edge, folder, interval)

    edge.run(command, as_json=as_json)


async def _watch(edge: Edge, folder: Path, interval_s: float) -> ExitCode:
    manager = ServiceManager()
    async with await open_ledger(edge.settings.home) as ledger, open_road(edge) as road:
        watch = FolderWatch(folder, road.spool, interval_s=interval_s)
        alive = asyncio.ensure_future(manager.keep_alive())
        edge.output.line(f"Watching {folder} ...")
        edge.output.event("watching", folder=str(folder))
        manager.notify("READY=1")
        try:
            with decoder_pool(edge) as decoder:
                await unless_stopped(edge, _work(edge, road, ledger, watch, decoder))
        finally:
            manager.notify("STOPPING=1")
            alive.cancel()
    return ExitCode.GOOD


async def _work(edge: Edge, road: Road, ledger: Ledger, watch: FolderWatch, decoder: DecoderPool) -> None:
    """What comes into the folder, and imports that were put into the background while we have the spool."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_import_as_they_come(edge, road, watch, decoder))
            group.create_task(_import_as_they_are_queued(edge, road, ledger, decoder))
    except BaseExceptionGroup as failures:
        # The first one ended the other.
        raise failures.exceptions[0] from None


async def _import_as_they_are_queued(edge: Edge, road: Road, ledger: Ledger, decoder: DecoderPool) -> None:
    while True:
        for job_id in await ledger.queued():
            with contextlib.suppress(JobRuns, CredentialsRefused):
                # What was refused is noted in the ledger, with the reason.
                await job_runner(edge, road, ledger, decoder).run(job_id)
        await asyncio.sleep(_QUEUE_PAUSE_S)


async def _import_as_they_come(edge: Edge, road: Road, watch: FolderWatch, decoder: DecoderPool) -> None:
    async for ready in watch:
        importer = new_importer(edge, road, decoder)
        try:
            await importer.run(ready)
        except CredentialsRefused as refused:
            # What was read is in the spool; the credentials may be renewed while we watch.
            edge.output.problem(f"the platform refuses our credentials: {refused}")
        for outcome in importer.outcomes:
            say_outcome(edge.output, outcome)
            if outcome.status is FileStatus.NO_ROOM:
                watch.give_again(outcome.path)
        if any(outcome.status is FileStatus.NO_ROOM for outcome in importer.outcomes):
            await asyncio.sleep(_NO_ROOM_PAUSE_S)
