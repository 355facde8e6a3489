"""`pulsemesh thresholds`: what numbers are measured against, with its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.fitness import DAY
from pulsemesh.cli.formats import as_dict, as_json_line, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_pb2

__all__ = ["thresholds"]

_OPTIONS = {
    "ftp": ("functional_threshold_power_w", "Functional threshold power, W"),
    "critical-power": ("critical_power_w", "Critical power, W"),
    "w-prime": ("w_prime_j", "W', J"),
    "threshold-heart-rate": ("lactate_threshold_heart_rate_bpm", "Heart rate at lactate threshold, bpm"),
    "max-heart-rate": ("maximum_heart_rate_bpm", "Maximum heart rate, bpm"),
    "resting-heart-rate": ("resting_heart_rate_bpm", "Resting heart rate, bpm"),
    "threshold-speed": ("threshold_speed_mps", "Threshold running speed, m/s"),
    "swim-speed": ("threshold_swim_speed_mps", "Threshold swimming speed, m/s"),
    "weight": ("weight_kg", "Weight, kg"),
}
_LABELS = dict(_OPTIONS.values()) | {"sex": "Sex"}
_SEXES = {"female": analysis_pb2.SEX_FEMALE, "male": analysis_pb2.SEX_MALE}

_sport_option = click.option("--sport", type=SportName(), help="For this sport alone.")


@click.group(invoke_without_command=True)
@click.option("--day", type=DAY, help="What held on this day, instead of today.")
@_sport_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
@click.pass_context
def thresholds(
    context: click.Context,
    *,
    day: datetime | None,
    sport: sport_pb2.Sport.ValueType | None,
    as_json: bool,
) -> None:
    """Show your thresholds, or change them: `set`, `history`, `delete`, `suggest`."""
    if context.invoked_subcommand is None:
        context.invoke(_show, day=day, sport=sport, as_json=as_json)


@click.command()
@command
async def _show(session: Session, *, day: datetime | None, sport: sport_pb2.Sport.ValueType | None) -> None:
    async with session.client() as client:
        held = await client.athlete.thresholds(day.date() if day else None, sport=sport)
    if session.as_json:
        click.echo(as_json_line(as_dict(held)))
        return
    rows = _rows(held)
    if not rows:
        click.echo("No threshold is known. `pulsemesh thresholds set --ftp 250`", err=True)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for label, text in rows:
        table.add_row(label, text)
    session.console.print(table)


def _rows(held: analysis_pb2.Thresholds) -> list[tuple[str, str]]:
    return [
        (_LABELS.get(field.name, field.name), _text(field.name, value)) for field, value in held.ListFields()
    ]


def _text(field: str, value: float) -> str:
    if field == "sex":
        return analysis_pb2.Sex.Name(analysis_pb2.Sex.ValueType(int(value))).removeprefix("SEX_").lower()
    return f"{value:g}"


def _value_options(function: Any) -> Any:
    for name, (field, label) in reversed(_OPTIONS.items()):
        function = click.option(f"--{name}", field, type=float, help=label + ".")(function)
    return function


@thresholds.command("set")
@_value_options
@click.option("--sex", type=click.Choice(list(_SEXES)), help="Some formulas have constants by sex.")
@click.option("--from", "first", type=DAY, help="From this day on; today, or since ever for what is new.")
@click.option("--since-ever", is_flag=True, help="Whatever the day.")
@_sport_option
@click.option("--wait/--no-wait", default=True, help="Wait until what changed is analysed again.")
@json_option
@command
async def set_thresholds(
    session: Session,
    /,
    *,
    first: datetime | None,
    since_ever: bool,
    sport: sport_pb2.Sport.ValueType | None,
    wait: bool,
    sex: str | None,
    **values: float | None,
) -> None:
    """Say what holds from a day on. Workouts that it touches are analysed again."""
    told = analysis_pb2.Thresholds()
    for name, value in values.items():
        if value is not None:
            setattr(told, name, value)
    if sex is not None:
        told.sex = _SEXES[sex]
    if not told.ListFields():
        raise CommandFailure(
            "Give at least one threshold.", Exit.USAGE, hint="pulsemesh thresholds set --help"
        )
    async with session.client() as client:
        begun = await client.athlete.set_thresholds(
            told, effective_from=first.date() if first else None, since_ever=since_ever, sport=sport
        )
        await _follow(session, client, begun, wait=wait)


@thresholds.command("delete")
@click.argument("effective_from", metavar="DAY|ever")
@_sport_option
@click.option("--field", "fields", multiple=True, help="Only this field; may be repeated.")
@click.option("--wait/--no-wait", default=True, help="Wait until what changed is analysed again.")
@json_option
@command
async def delete_thresholds(
    session: Session,
    *,
    effective_from: str,
    sport: sport_pb2.Sport.ValueType | None,
    fields: tuple[str, ...],
    wait: bool,
) -> None:
    """Take back what was said of a day, as `history` lists it."""
    day = None if effective_from == "ever" else effective_from
    async with session.client() as client:
        begun = await client.athlete.delete_thresholds(day, sport=sport, fields=fields)
        await _follow(session, client, begun, wait=wait)


@thresholds.command("history")
@json_option
@command
async def history(session: Session) -> None:
    """List what was said, the latest day first."""
    async with session.client() as client:
        entries = [entry async for entry in client.athlete.threshold_history()]
    if session.as_json:
        for entry in entries:
            click.echo(as_json_line(as_dict(entry)))
        return
    table = Table("From", "Sport", "Threshold", box=None, pad_edge=False)
    table.add_column("Value", justify="right")
    for entry in entries:
        for label, text in _rows(entry.thresholds):
            sport = sport_name(entry.sport) if entry.sport else "all"
            table.add_row(entry.effective_from or "ever", sport, label, text)
    session.console.print(table)


@thresholds.command("suggest")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True)
@json_option
@command
async def suggest(session: Session, *, days: int) -> None:
    """Show what your recent workouts speak for. Nothing is changed."""
    async with session.client() as client:
        found = await client.athlete.suggestions(days)
        uptakes = await client.athlete.vo2max()
    if session.as_json:
        for each in (*found, *uptakes):
            click.echo(as_json_line(as_dict(each)))
        return
    table = Table("Threshold", "Sport", box=None, pad_edge=False)
    for heading in ("Suggested", "Now"):
        table.add_column(heading, justify="right")
    table.add_column("By")
    for each in found:
        table.add_row(
            _LABELS.get(each.field, each.field),
            sport_name(each.sport) if each.sport else "all",
            f"{each.value:.4g}",
            f"{each.current:g}" if each.HasField("current") else "",
            each.method,
        )
    session.console.print(table)
    for uptake in uptakes:
        click.echo(f"VO2max {uptake.vo2max:.1f} ml/(kg min): {uptake.source}")


async def _follow(session: Session, client: Client, begun: athlete_pb2.Recomputation, *, wait: bool) -> None:
    """Show how far the work on the touched workouts is."""
    last = begun
    if wait and not begun.finished and not session.as_json:
        columns = (TextColumn("Analysing again"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=session.console, transient=True) as progress:
            bar = progress.add_task("", total=begun.total)
            async for last in client.athlete.watch(begun.recomputation_id):
                progress.update(bar, completed=last.done)
    elif wait and not begun.finished:
        last = [each async for each in client.athlete.watch(begun.recomputation_id)][-1]
    if session.as_json:
        click.echo(as_json_line(as_dict(last)))
        return
    waiting = last.total - last.done
    later = f", {waiting} still wait" if waiting else ""
    failed = f", {last.failed} could not be" if last.failed else ""
    click.echo(f"{last.total} workouts are touched: {last.done - last.failed} analysed again{failed}{later}.")
