"""`pulsemesh export`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TaskID, TextColumn

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.references import LATEST, find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.cli.tables_of_streams import csv_text, json_text
from pulsemesh.parts.exports import FORMATS, ExportProgress
from pulsemesh.parts.whole_files import whole_file
from pulsemesh.workout.v1 import workout_pb2

__all__ = ["export"]

STANDARD_OUTPUT = "-"


@click.command()
@click.argument("workout", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json", *(form for form in FORMATS if form != "csv")]),
    help="A table (the default), everything as JSON, the file that the device wrote, or another format.",
)
@click.option("--output", "-o", default="", help="The file or folder to write to; - for standard output.")
@click.option(
    "--raw",
    is_flag=True,
    help="csv, json: each source as recorded, not all on one axis of a sample a second.",
)
@click.option("--all", "everything", is_flag=True, help="All workouts, as one archive that can be imported.")
@command
async def export(
    session: Session, *, workout: str | None, form: str | None, output: str, raw: bool, everything: bool
) -> None:
    """Write a workout to a file, or all of them to one archive.

    WORKOUT is an id, the beginning or the end of one, or `latest`. CSV and JSON go to standard
    output unless -o names a file; other formats go to a file of their own name. An archive holds
    every original file, and a form that `pulsemesh-edge import` reads back equal.
    """
    if everything and (workout or form or raw or output == STANDARD_OUTPUT):
        raise click.UsageError("--all takes nothing but -o FILE.zip")
    form = form or "csv"
    if raw and form not in ("csv", "json"):
        raise click.UsageError("--raw is for csv and json")
    async with session.client() as client:
        if everything:
            await _export_all(client, output)
            return
        workout_id = await find_workout(client, workout or LATEST)
        if form == "original":
            await _export_original(client, await client.workouts.get(workout_id), output)
        elif form == "json" or raw:
            await _export_streams(client, workout_id, form, output, raw=raw)
        else:
            await _export_file(client, workout_id, form, output)


async def _export_streams(client: Client, workout_id: str, form: str, output: str, *, raw: bool) -> None:
    """Write what the platform streams, in a form that is made here."""
    found = await client.workouts.get(workout_id)
    streams = await client.workouts.streams(found.workout_id, aligned=not raw)
    text = csv_text(streams) if form == "csv" else json_text(found, streams)
    if output in ("", STANDARD_OUTPUT):
        click.echo(text, nl=False)
        return
    async with whole_file(Path(output)) as part:
        part.name = f"{workout_id}.{form}"
        await asyncio.to_thread(part.stream.write, text.encode())
    click.echo(f"Wrote {part.target}", err=True)


async def _export_file(client: Client, workout_id: str, form: str, output: str) -> None:
    """Write what the platform makes."""
    if output == STANDARD_OUTPUT or (form == "csv" and not output):
        _write_out(await client.exports.read(workout_id, form))
        return
    with _progress(DownloadColumn()) as bar:
        task = bar.add_task(form, total=None)
        export = await client.exports.save(
            workout_id,
            form,
            output or ".",
            progress=lambda seen: bar.update(task, completed=seen.bytes_done, total=seen.bytes_total),
        )
    click.echo(f"Wrote {export.path} ({export.size_bytes} bytes)", err=True)


async def _export_all(client: Client, output: str) -> None:
    with _progress(TextColumn("{task.fields[told]}")) as bar:
        task = bar.add_task("archive", total=None, told="")
        export = await client.exports.archive(
            output or ".", progress=lambda seen: _show_archive(bar, task, seen)
        )
    click.echo(f"Wrote {export.path} ({export.size_bytes} bytes)", err=True)
    if export.damaged:
        raise CommandFailure(
            f"The platform could not read the samples of {export.damaged} workouts.",
            hint="manifest.json in the archive says which; everything else is there",
        )


def _show_archive(bar: Progress, task: TaskID, seen: ExportProgress) -> None:
    told = f"{seen.workouts} of {seen.workouts_total} workouts, {seen.bytes_done / 1e6:.1f} MB"
    bar.update(task, completed=seen.workouts, total=seen.workouts_total or None, told=told)


async def _export_original(client: Client, workout: workout_pb2.Workout, output: str) -> None:
    if not workout.file_id:
        raise CommandFailure(
            "This workout was recorded live: there is no original file.",
            Exit.NOT_FOUND,
            hint="--format fit",
        )
    if output == STANDARD_OUTPUT:
        _write_out(await client.files.read(workout.file_id))
        return
    path = Path(output or f"{workout.workout_id}.fit")
    with _progress(DownloadColumn()) as bar:
        task = bar.add_task(path.name, total=None)
        stored = await client.files.download(
            workout.file_id,
            path,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if not output and stored.name:
        path = _rename(path, stored.name)
    click.echo(f"Wrote {path} ({stored.size_bytes} bytes)", err=True)


def _progress(numbers: ProgressColumn) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), numbers)
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _write_out(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _rename(path: Path, name: str) -> Path:
    """Give a downloaded file the name it was uploaded with, unless there is such a file."""
    target = path.with_name(Path(name).name)
    if target.exists():
        return path
    return path.rename(target)
