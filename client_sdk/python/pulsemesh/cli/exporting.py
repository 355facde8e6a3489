"""`pulsemesh export`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from pulsemesh import Client, Series, Streams
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, number
from pulsemesh.cli.references import LATEST, find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.streams import unit_of
from pulsemesh.workout.v1 import workout_pb2

__all__ = ["export"]

STANDARD_OUTPUT = "-"


@click.command()
@click.argument("workout", default=LATEST)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", "original"]),
    default="csv",
    show_default=True,
    help="A table, everything there is, or the file that the device wrote.",
)
@click.option("--output", "-o", default="", help="The file to write; - for standard output.")
@click.option(
    "--raw", is_flag=True, help="Each source as recorded, not all on one axis of a sample a second."
)
@command
async def export(session: Session, *, workout: str, form: str, output: str, raw: bool) -> None:
    """Write a workout to a file.

    WORKOUT is an id, the beginning or the end of one, or `latest`. CSV and JSON go to standard
    output unless -o names a file; the original goes to a file of its own name.
    """
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        if form == "original":
            await _export_original(client, found, output)
            return
        streams = await client.workouts.streams(found.workout_id, aligned=not raw)
    text = _csv(streams) if form == "csv" else _json(found, streams)
    if output in ("", STANDARD_OUTPUT):
        click.echo(text, nl=False)
    else:
        await asyncio.to_thread(Path(output).write_text, text, "utf-8", newline="")
        click.echo(f"Wrote {output}", err=True)


async def _export_original(client: Client, workout: workout_pb2.Workout, output: str) -> None:
    if not workout.file_id:
        raise CommandFailure(
            "This workout was recorded live: there is no original file.",
            Exit.NOT_FOUND,
            hint="--format csv or json",
        )
    if output == STANDARD_OUTPUT:
        content = await client.files.read(workout.file_id)
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    path = Path(output or f"{workout.workout_id}.fit")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path.name, total=None)
        stored = await client.files.download(
            workout.file_id,
            path,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if not output and stored.name:
        path = _rename(path, stored.name)
    click.echo(f"Wrote {path} ({stored.size_bytes} bytes)", err=True)


def _rename(path: Path, name: str) -> Path:
    """Give a downloaded file the name it was uploaded with, unless there is such a file."""
    target = path.with_name(Path(name).name)
    if target.exists():
        return path
    return path.rename(target)


# ------------------------------------------------------------------ the formats


def _csv(streams: Streams) -> str:
    """Return a table: time, seconds since the start, source where there are several, then the channels."""
    channels = streams.channels
    several = len(streams) > 1
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    leading = ["time", "elapsed_s", *(["source"] if several else [])]
    writer.writerow([*leading, *(_heading(channel) for channel in channels)])
    writer.writerows(_rows(streams, channels, several=several))
    return out.getvalue()


def _heading(channel: str) -> str:
    unit = unit_of(channel)
    return f"{channel} [{unit}]" if unit and unit != "1" else channel


def _rows(streams: Streams, channels: list[str], *, several: bool) -> Iterator[list[str]]:
    start = min((series.times_ms[0] for series in streams if series.times_ms), default=0)
    for series in streams:
        for index, time_ms in enumerate(series.times_ms):
            source = [series.source_id] if several else []
            elapsed_s = f"{(time_ms - start) / 1000:.3f}".rstrip("0").rstrip(".")
            yield [_iso(time_ms), elapsed_s, *source, *_cells(series, channels, index)]


def _cells(series: Series, channels: Iterable[str], index: int) -> Iterator[str]:
    for channel in channels:
        values = series.columns.get(channel)
        value = values[index] if values else None
        yield "" if value is None else number(channel, value)


def _iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(workout: workout_pb2.Workout, streams: Streams) -> str:
    document = {
        "workout": as_dict(workout),
        "units": {channel: unit_of(channel) for channel in streams.channels},
        "streams": [
            {"source_id": series.source_id, "times_ms": series.times_ms, "columns": _columns(series)}
            for series in streams
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _columns(series: Series) -> dict[str, list[float | None]]:
    return {
        channel: [None if value is None else float(number(channel, value)) for value in values]
        for channel, values in series.columns.items()
    }
