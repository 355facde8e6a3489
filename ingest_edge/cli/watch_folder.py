"""`pulsemesh-edge watch`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.import_files import decoder_process, new_importer, say_outcome
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.cli.service import ServiceManager
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.importer import FileStatus
from ingest_edge.uplink import CredentialsRefused
from ingest_edge.watch import FolderWatch

_NO_ROOM_PAUSE_S = 30.0


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
    async with open_road(edge) as road:
        watch = FolderWatch(folder, road.spool, interval_s=interval_s)
        alive = asyncio.ensure_future(manager.keep_alive())
        edge.output.line(f"Watching {folder} ...")
        edge.output.event("watching", folder=str(folder))
        manager.notify("READY=1")
        try:
            with decoder_process(edge) as decoder:
                await unless_stopped(edge, _import_as_they_come(edge, road, watch, decoder))
        finally:
            manager.notify("STOPPING=1")
            alive.cancel()
    return ExitCode.GOOD


async def _import_as_they_come(edge: Edge, road: Road, watch: FolderWatch, decoder: DecoderProcess) -> None:
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
