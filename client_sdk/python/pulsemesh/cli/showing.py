"""`pulsemesh show`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from pulsemesh import Client, samples
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import (
    as_dict,
    as_json_line,
    distance,
    duration,
    local_time,
    number,
    sport_name,
    summary_rows,
)
from pulsemesh.cli.options import json_option
from pulsemesh.cli.plotting import USUAL_CHANNELS, plot
from pulsemesh.cli.references import LATEST, find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.workout.v1 import workout_pb2

__all__ = ["show"]

_PLOTS_BY_DEFAULT = 2
_LAPS_SHOWN = 40


@click.command()
@click.argument("workout", default=LATEST)
@click.option("--channel", "-c", "channels", multiple=True, help="Draw this channel; may be repeated.")
@click.option("--plot/--no-plot", "plots", default=True, help="Draw curves.")
@json_option
@command
async def show(session: Session, *, workout: str, channels: tuple[str, ...], plots: bool) -> None:
    """Show a workout: its numbers, its laps, its curves.

    WORKOUT is an id, the beginning or the end of one, or `latest`.
    """
    _check_channels(channels)
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        if session.as_json:
            click.echo(as_json_line(as_dict(found)))
            return
        console = session.console
        _write_numbers(console, found)
        if plots:
            await _write_plots(console, client, found, channels)


def _check_channels(channels: tuple[str, ...]) -> None:
    for channel in channels:
        if channel not in samples.CHANNEL_BY_NAME:
            names = ", ".join(samples.CHANNEL_BY_NAME)
            raise CommandFailure(f"{channel!r} is no channel; there are {names}", Exit.USAGE)


def _write_numbers(console: Console, workout: workout_pb2.Workout) -> None:
    heading = workout.title or "Untitled"
    console.print(f"[bold]{_plain(heading)}[/bold]  {sport_name(workout.sport)}")
    console.print(f"{local_time(workout.start_time)}  {workout.workout_id}")
    if workout.notes:
        console.print(_plain(workout.notes))
    numbers = Table(box=None, show_header=False, pad_edge=False)
    numbers.add_column()
    numbers.add_column(justify="right")
    for label, text in summary_rows(workout.summary):
        numbers.add_row(label, text)
    console.print()
    console.print(numbers)
    _write_channels(console, workout.summary)
    if len(workout.laps) > 1:
        _write_laps(console, workout)


def _plain(text: str) -> str:
    """Return text in which rich finds no markup."""
    return text.replace("[", r"\[")


def _write_channels(console: Console, summary: workout_pb2.Summary) -> None:
    if not summary.channels:
        return
    table = Table("Channel", box=None, pad_edge=False)
    for heading in ("Min", "Average", "Max"):
        table.add_column(heading, justify="right")
    table.add_column("Unit")
    for channel in summary.channels:
        spec = samples.CHANNELS.get(channel.channel)
        if spec is None or spec.cumulative or spec.name in ("latitude", "longitude", "marker"):
            continue
        values = (channel.minimum, channel.average, channel.maximum)
        table.add_row(spec.name.replace("_", " "), *(number(spec.name, value) for value in values), spec.unit)
    if table.row_count:
        console.print()
        console.print(table)


def _write_laps(console: Console, workout: workout_pb2.Workout) -> None:
    table = Table("Lap", box=None, pad_edge=False)
    for heading in ("Time", "Distance", "Speed"):
        table.add_column(heading, justify="right")
    for index, lap in enumerate(workout.laps[:_LAPS_SHOWN], start=1):
        summary = lap.summary
        table.add_row(
            str(index),
            duration(summary.elapsed_s) if summary.HasField("elapsed_s") else "",
            distance(summary.distance_m) if summary.HasField("distance_m") else "",
            f"{summary.average_speed_mps * 3.6:.1f} km/h" if summary.HasField("average_speed_mps") else "",
        )
    console.print()
    console.print(table)
    if len(workout.laps) > _LAPS_SHOWN:
        console.print(f"… and {len(workout.laps) - _LAPS_SHOWN} more laps (--json shows all)")


async def _write_plots(
    console: Console, client: Client, workout: workout_pb2.Workout, channels: tuple[str, ...]
) -> None:
    specs = [samples.CHANNELS.get(channel.channel) for channel in workout.summary.channels]
    present = {spec.name for spec in specs if spec is not None}
    chosen = channels or tuple(name for name in USUAL_CHANNELS if name in present)[:_PLOTS_BY_DEFAULT]
    if not chosen:
        return
    width = min(console.width, 160)
    streams = await client.workouts.streams(
        workout.workout_id,
        channels=chosen,
        aligned=True,
        # Braille has two points a column, and a stretch gives its smallest and its largest value.
        max_samples=width * 4,
        downsampling="min_max",
    )
    for channel in chosen:
        console.print()
        try:
            drawing = plot(streams, channel, width=width, colour=console.is_terminal)
        except KeyError:
            console.print(f"{channel.replace('_', ' ')}: no values")
        else:
            click.echo(drawing)
