"""`pulsemesh watch`."""

from __future__ import annotations

import click
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pulsemesh import samples
from pulsemesh.cli.formats import as_dict, as_json_line, number
from pulsemesh.cli.options import json_option
from pulsemesh.cli.references import LATEST, find_recording, short
from pulsemesh.cli.session import Session, command
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2

__all__ = ["watch"]


@click.command()
@click.argument("recording", default=LATEST)
@json_option
@command
async def watch(session: Session, *, recording: str) -> None:
    """Watch a recording live until it is closed.

    RECORDING is an id, the beginning or the end of one, or `latest`: the newest that is open.
    """
    async with session.client() as client:
        recording_id = await find_recording(client, recording)
        updates = client.recordings.watch(recording_id)
        if session.as_json:
            async for update in updates:
                click.echo(as_json_line(as_dict(update)))
            return
        last = recording_service_pb2.WatchRecordingResponse()
        with Live(console=session.console, auto_refresh=False, transient=False) as live:
            async for update in updates:
                # The update that ends a watch need not repeat the numbers: the last ones stay on the screen.
                last = update if update.values else _ended(last, update)
                live.update(_screen(recording_id, last), refresh=True)
        if last.workout_id:
            click.echo(f"Closed: workout {last.workout_id}. `pulsemesh show {short(last.workout_id)}`")
        elif last.state == recording_pb2.RECORDING_STATE_DISCARDED:
            click.echo("The recording was discarded.")


def _ended(
    last: recording_service_pb2.WatchRecordingResponse, update: recording_service_pb2.WatchRecordingResponse
) -> recording_service_pb2.WatchRecordingResponse:
    merged = recording_service_pb2.WatchRecordingResponse()
    merged.CopyFrom(last)
    merged.MergeFrom(update)
    return merged


def _screen(recording_id: str, update: recording_service_pb2.WatchRecordingResponse) -> Group:
    state = recording_pb2.RecordingState.Name(update.state).removeprefix("RECORDING_STATE_").lower()
    heading = Text(f"Recording {short(recording_id)}  {state}  {update.samples} samples")
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_column(style="dim")
    for value in sorted(update.values, key=lambda one: (one.channel, one.source_id)):
        spec = samples.CHANNELS.get(value.channel)
        if spec is not None and spec.name != "marker":
            label = spec.name.replace("_", " ")
            table.add_row(label, number(spec.name, value.value), spec.unit, value.source_id)
    return Group(heading, table)
