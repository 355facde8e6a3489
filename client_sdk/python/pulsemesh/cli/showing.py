"""`pulsemesh show`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pulsemesh import Client, samples
from pulsemesh.cli.analysis_tables import write_analysis
from pulsemesh.cli.drawing import SUFFIXES, Chart, ChartFileError, draw_panel, write_chart
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
from pulsemesh.cli.panels import USUAL_CHANNELS, analysis_panels, channels_of, stream_panel
from pulsemesh.cli.references import LATEST, find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.errors import PermissionDenied, Unimplemented
from pulsemesh.workout.v1 import analysis_pb2, workout_pb2

__all__ = ["show"]

_PLOTS_BY_DEFAULT = 2
_LAPS_SHOWN = 40
_FILE_POINTS = 4_000


@click.command()
@click.argument("workout", default=LATEST)
@click.option("--channel", "-c", "channels", multiple=True, help="Draw this channel; may be repeated.")
@click.option("--plot/--no-plot", "plots", default=True, help="Draw curves.")
@click.option("--analysis/--no-analysis", "analysed", default=True, help="Load, zones, best efforts, …")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write the chart to a file instead: {', '.join(SUFFIXES)}.",
)
@json_option
@command
async def show(
    session: Session,
    *,
    workout: str,
    channels: tuple[str, ...],
    plots: bool,
    analysed: bool,
    output: Path | None,
) -> None:
    """Show a workout: its numbers, its laps, its analysis, its curves.

    WORKOUT is an id, the beginning or the end of one, or `latest`.
    """
    _check_channels(channels)
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        analysis = await _analysis(client, found.workout_id) if analysed else None
        if session.as_json:
            document = as_dict(found)
            if analysis is not None:
                document["analysis"] = as_dict(analysis)
            click.echo(as_json_line(document))
        elif output is None:
            await _write(session.console, client, found, analysis, channels if plots else None)
        if output is not None:
            await _write_file(client, found, analysis, channels, output)
            if not session.as_json:
                click.echo(f"wrote {output}")


async def _analysis(client: Client, workout_id: str) -> analysis_pb2.Analysis | None:
    """Return the analysis, or None after a word about why: the numbers are shown all the same."""
    try:
        return await client.analysis.get(workout_id)
    except (PermissionDenied, Unimplemented) as error:
        click.echo(f"no analysis: {error}", err=True)
        return None


async def _write(
    console: Console,
    client: Client,
    workout: workout_pb2.Workout,
    analysis: analysis_pb2.Analysis | None,
    channels: Sequence[str] | None,
) -> None:
    _write_numbers(console, workout)
    if analysis is not None:
        write_analysis(console, analysis)
    if channels is None:
        return
    present = channels_of(workout)
    chosen = channels or [name for name in USUAL_CHANNELS if name in present][:_PLOTS_BY_DEFAULT]
    if chosen:
        await _write_plots(console, client, workout, chosen)


async def _write_file(
    client: Client,
    workout: workout_pb2.Workout,
    analysis: analysis_pb2.Analysis | None,
    channels: Sequence[str],
    path: Path,
) -> None:
    """Write the chosen channels, or all usual ones with what the analysis has to draw."""
    present = channels_of(workout)
    chosen = channels or [name for name in USUAL_CHANNELS if name in present]
    chart = await _chart(client, workout, chosen, _FILE_POINTS)
    if analysis is not None and not channels:
        chart = Chart(chart.title, [*chart.panels, *analysis_panels(analysis)])
    try:
        await asyncio.to_thread(write_chart, chart, path)
    except ChartFileError as error:
        raise CommandFailure(str(error)) from error


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


async def _chart(client: Client, workout: workout_pb2.Workout, channels: Sequence[str], points: int) -> Chart:
    streams = await client.workouts.streams(
        workout.workout_id, channels=channels, aligned=True, max_samples=points, downsampling="min_max"
    )
    title = f"{workout.title or 'Untitled'}, {local_time(workout.start_time)}"
    return Chart(title, [stream_panel(streams, channel) for channel in channels])


async def _write_plots(
    console: Console, client: Client, workout: workout_pb2.Workout, channels: Sequence[str]
) -> None:
    width = min(console.width, 160)
    # Braille has two points a column, and a stretch gives its smallest and its largest value.
    chart = await _chart(client, workout, channels, width * 4)
    for panel in chart.panels:
        console.print()
        if panel.empty:
            console.print(f"{panel.title}: no values")
        else:
            click.echo(draw_panel(panel, width=width, colour=console.is_terminal))
