"""`pulsemesh compare`: workouts beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pulsemesh import samples
from pulsemesh.cli.drawing import Chart, Line, Panel, XKind, draw_terminal, write_chart
from pulsemesh.cli.drawing.files import ChartFileError
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, distance, duration, local_time, number
from pulsemesh.cli.options import json_option
from pulsemesh.cli.references import find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.workout.v1 import comparison_service_pb2 as wire

__all__ = ["compare", "comparison_chart"]

_X_KINDS: dict[int, XKind] = {
    wire.ALIGNMENT_TIME: "seconds",
    wire.ALIGNMENT_DISTANCE: "metres",
    wire.ALIGNMENT_ROUTE: "metres",
}
_WORDS = {
    wire.ALIGNMENT_TIME: "at the same time",
    wire.ALIGNMENT_DISTANCE: "at the same distance",
    wire.ALIGNMENT_ROUTE: "at the same place",
}
_SPLIT_CHANNELS = ("heart_rate", "power")


@click.command()
@click.argument("workouts", nargs=-1, required=True)
@click.option(
    "--align",
    type=click.Choice(["time", "distance", "route"]),
    help="What the axis counts; by default the most telling that all have.",
)
@click.option("--channel", "-c", "channels", multiple=True, help="Compare this channel; may be repeated.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Also write the curves: .png .svg .html"
)
@click.option("--plot/--no-plot", "plots", default=True, help="Draw curves.")
@json_option
@command
async def compare(
    session: Session,
    *,
    workouts: tuple[str, ...],
    align: str | None,
    channels: tuple[str, ...],
    output: Path | None,
    plots: bool,
) -> None:
    """Compare two to ten workouts: what changed, in words, numbers and curves.

    WORKOUTS are ids, the beginning or the end of them, or `latest`. The first is what the others
    are held against.
    """
    if not 2 <= len(workouts) <= 10:
        raise CommandFailure("Two to ten workouts can be compared.", Exit.USAGE)
    for channel in channels:
        if channel not in samples.CHANNEL_BY_NAME:
            names = ", ".join(samples.CHANNEL_BY_NAME)
            raise CommandFailure(f"{channel!r} is no channel; there are {names}", Exit.USAGE)
    async with session.client() as client:
        ids = [await find_workout(client, workout) for workout in workouts]
        if len(set(ids)) < len(ids):
            raise CommandFailure("A workout cannot be compared with itself.", Exit.USAGE)
        found = await client.comparison.compare(ids, align=align or "", channels=channels)
    chart = comparison_chart(found)
    if session.as_json:
        click.echo(as_json_line(as_dict(found)))
    else:
        _write(session.console, found)
        if plots:
            width = min(session.console.width, 160)
            click.echo()
            click.echo(draw_terminal(chart, width=width, colour=session.console.is_terminal))
    if output is not None:
        try:
            write_chart(chart, output)
        except ChartFileError as error:
            raise CommandFailure(str(error)) from error
        click.echo(f"Wrote {output}", err=True)


def _write(console: Console, found: wire.CompareWorkoutsResponse) -> None:
    console.print(f"[bold]{len(found.workouts)} workouts[/bold] {_WORDS.get(found.alignment, '')}")
    console.print()
    for index, label in enumerate(_labels(found)):
        title = found.workouts[index].title.replace("[", r"\[")
        console.print(f"{label}  {title}  {local_time(found.workouts[index].start_time)}")
    console.print()
    _write_words(console, found)
    console.print(_numbers_table(found))
    if len(found.splits) > 1:
        console.print()
        console.print(_splits_table(found))


def _labels(found: wire.CompareWorkoutsResponse) -> list[str]:
    """Return a letter for each workout."""
    return [chr(ord("A") + index) for index in range(len(found.workouts))]


def _write_words(console: Console, found: wire.CompareWorkoutsResponse) -> None:
    labels = _labels(found)
    for index in range(2, len(found.workouts) + 1):
        said = [change.text for change in found.changes if change.workout == index]
        console.print(f"[bold]{labels[index - 1]} against A[/bold]")
        for text in said or ["Nothing that the measurements could tell from noise."]:
            console.print(f"  {text}")
        console.print()


def _numbers_table(found: wire.CompareWorkoutsResponse) -> Table:
    """Return the numbers of what all workouts cover, a column a workout."""
    table = Table("In common", box=None, pad_edge=False)
    for label in _labels(found):
        table.add_column(label, justify="right")
    common = [workout.common for workout in found.workouts]
    rows: list[tuple[str, list[str]]] = [
        ("Time", [duration(each.elapsed_s) if each.elapsed_s else "" for each in common]),
        ("Standing", [duration(each.stopped_s) if each.HasField("stopped_s") else "" for each in common]),
        ("Distance", [distance(each.distance_m) if each.HasField("distance_m") else "" for each in common]),
        (
            "Speed",
            [f"{each.speed_mps * 3.6:.1f} km/h" if each.HasField("speed_mps") else "" for each in common],
        ),
    ]
    means = [{mean.channel: mean.mean for mean in each.channels} for each in common]
    for channel in sorted({channel for each in means for channel in each}):
        spec = samples.CHANNELS.get(channel)
        if spec is not None and spec.name not in ("altitude", "speed"):
            values = [f"{each[channel]:.1f} {spec.unit}" if channel in each else "" for each in means]
            rows.append((spec.name.replace("_", " ").capitalize(), values))
    for name, values in rows:
        if any(values):
            table.add_row(name, *values)
    return table


def _splits_table(found: wire.CompareWorkoutsResponse) -> Table:
    """Return a row for each split: each workout's time and speed, what it won or lost, heart rate, power."""
    by_time = found.alignment == wire.ALIGNMENT_TIME
    table = Table("To", box=None, pad_edge=False)
    numbers = {samples.CHANNEL_BY_NAME[name].channel: name for name in _SPLIT_CHANNELS}
    present = [
        channel
        for channel in numbers
        if any(
            mean.channel == channel
            for split in found.splits
            for each in split.workouts
            for mean in each.channels
        )
    ]
    for label in _labels(found):
        table.add_column(f"{label} distance" if by_time else f"{label} time", justify="right")
        if label != "A":
            table.add_column("±", justify="right")
        for channel in present:
            table.add_column(samples.CHANNELS[channel].unit, justify="right")
    for split in found.splits:
        cells = [duration(split.end) if by_time else distance(split.end)]
        for index, each in enumerate(split.workouts):
            cells.append(_covered(each, by_time))
            if index:
                cells.append(_difference(split.workouts[0], each, by_time))
            means = {int(mean.channel): mean.mean for mean in each.channels}
            cells += [number(numbers[one], round(means[one])) if one in means else "" for one in present]
        table.add_row(*cells)
    return table


def _covered(each: wire.StretchNumbers, by_time: bool) -> str:
    if not each.elapsed_s:
        return ""
    if by_time:
        return distance(each.distance_m) if each.HasField("distance_m") else ""
    return duration(each.elapsed_s)


def _difference(first: wire.StretchNumbers, other: wire.StretchNumbers, by_time: bool) -> str:
    if not first.elapsed_s or not other.elapsed_s:
        return ""
    if by_time:
        metres = other.distance_m - first.distance_m
        return f"{metres:+.0f} m"
    seconds = other.elapsed_s - first.elapsed_s
    return f"{'-' if seconds < 0 else '+'}{duration(abs(seconds))}"


def comparison_chart(found: wire.CompareWorkoutsResponse) -> Chart:
    """Return the gap along the way and each channel, every workout a curve."""
    labels = _labels(found)
    kind = _X_KINDS.get(found.alignment, "number")
    axis = list(found.axis)
    panels = [_gap_panel(found, labels, axis, kind)]
    channels = [column.channel for workout in found.workouts for column in workout.columns]
    for channel in dict.fromkeys(channels):
        spec = samples.CHANNELS.get(channel)
        if spec is None:
            continue
        lines = [
            Line(label, axis, _finite(column.values))
            for label, workout in zip(labels, found.workouts, strict=True)
            for column in workout.columns
            if column.channel == channel
        ]
        panels.append(Panel(spec.name.replace("_", " "), spec.unit, lines, kind))
    titles = " / ".join(workout.title or local_time(workout.start_time) for workout in found.workouts)
    return Chart(titles, panels)


def _gap_panel(
    found: wire.CompareWorkoutsResponse, labels: Sequence[str], axis: list[float], kind: XKind
) -> Panel:
    by_time = found.alignment == wire.ALIGNMENT_TIME
    lines = [
        Line(label, axis, _finite(workout.gap_m if by_time else workout.gap_s))
        for label, workout in zip(labels[1:], found.workouts[1:], strict=True)
        if len(workout.gap_m if by_time else workout.gap_s) == len(axis)
    ]
    return Panel("ahead of A" if by_time else "behind A", "m" if by_time else "s", lines, kind)


def _finite(values: Sequence[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
