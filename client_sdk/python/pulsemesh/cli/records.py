"""`pulsemesh records`: personal records, and the power-duration curve."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pulsemesh import samples
from pulsemesh.cli.drawing import SUFFIXES, Chart, ChartFileError, Line, Panel, draw_terminal, write_chart
from pulsemesh.cli.failures import CommandFailure
from pulsemesh.cli.fitness import DAY
from pulsemesh.cli.formats import as_dict, as_json_line, distance, duration, local_time, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.references import short
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import athlete_pb2, athlete_service_pb2

__all__ = ["power_chart", "records"]

_MODELS = {
    athlete_pb2.POWER_MODEL_WORK_TIME: "work over time",
    athlete_pb2.POWER_MODEL_INVERSE_TIME: "power over 1/time",
    athlete_pb2.POWER_MODEL_THREE_PARAMETER: "three parameters",
}


@click.command()
@click.option("--sport", "sports", type=SportName(), multiple=True, help="Only this sport; may be repeated.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind: distance/5000, power/300, …")
@click.option("--history", is_flag=True, help="Also those that were beaten since.")
@click.option(
    "--power", is_flag=True, help="The power-duration curve of the last 90 days, critical power, W'."
)
@click.option("--from", "first", type=DAY, help="With --power: from this day on.")
@click.option("--to", "last", type=DAY, help="With --power: to this day.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"With --power: also write the curve: {', '.join(SUFFIXES)}.",
)
@json_option
@command
async def records(
    session: Session,
    *,
    sports: tuple[sport_pb2.Sport.ValueType, ...],
    kinds: tuple[str, ...],
    history: bool,
    power: bool,
    first: datetime | None,
    last: datetime | None,
    output: Path | None,
) -> None:
    """Show your personal records."""
    if not power and (output or first or last):
        raise click.UsageError("--from, --to and --output go with --power")
    async with session.client() as client:
        if power:
            curve = await client.athlete.power_duration(
                first.date() if first else None, last.date() if last else None, sports=sports
            )
            await _show_power(session, curve, output)
            return
        found = [
            record async for record in client.athlete.records(sports=sports, kinds=kinds, history=history)
        ]
    if session.as_json:
        for record in found:
            click.echo(as_json_line(as_dict(record)))
    elif found:
        session.console.print(_table(found))
    else:
        click.echo("There is no record yet.", err=True)


def _table(found: list[athlete_pb2.PersonalRecord]) -> Table:
    table = Table("Sport", "Of", box=None, pad_edge=False)
    for heading in ("Best", "Better by"):
        table.add_column(heading, justify="right")
    for heading in ("When", "Workout"):
        table.add_column(heading)
    for record in found:
        table.add_row(
            sport_name(record.sport),
            _of(record),
            _value(record, record.effort.value),
            _value(record, record.improvement) if record.HasField("improvement") else "",
            local_time(record.workout_start_time),
            short(record.workout_id),
            style=None if record.current else "dim",
        )
    return table


def _of(record: athlete_pb2.PersonalRecord) -> str:
    effort = record.effort
    if effort.kind.startswith("distance/"):
        return distance(effort.distance_m)
    spec = samples.CHANNELS.get(effort.channel)
    name = spec.name.replace("_", " ") if spec is not None else effort.kind
    return f"{name}, {duration(effort.duration_s)}"


def _value(record: athlete_pb2.PersonalRecord, value: float) -> str:
    effort = record.effort
    if effort.kind.startswith("distance/"):
        return duration(value)
    spec = samples.CHANNELS.get(effort.channel)
    if effort.channel == channel_pb2.CHANNEL_SPEED:
        return f"{value * 3.6:.1f} km/h"
    return f"{value:.0f} {spec.unit if spec is not None else ''}".rstrip()


async def _show_power(
    session: Session, answer: athlete_service_pb2.GetPowerDurationResponse, output: Path | None
) -> None:
    chart = power_chart(answer)
    if output is not None:
        try:
            await asyncio.to_thread(write_chart, chart, output)
        except ChartFileError as error:
            raise CommandFailure(str(error)) from error
        click.echo(f"Wrote {output}", err=True)
    if session.as_json:
        click.echo(as_json_line(as_dict(answer)))
        return
    width = min(session.console.width, 160)
    click.echo(draw_terminal(chart, width=width, colour=session.console.is_terminal))
    for model in answer.models:
        _write_model(session.console, model)


def power_chart(answer: athlete_service_pb2.GetPowerDurationResponse) -> Chart:
    """The chart of a power-duration curve, and of the critical power that the first good model finds."""
    durations = [float(point.duration_s) for point in answer.curve]
    lines = [Line("best power", durations, [point.power_w for point in answer.curve])]
    for model in answer.models:
        if not model.refused and model.points:
            fitted = [float(point.duration_s) for point in model.points]
            values = [_modelled(model, duration) for duration in fitted]
            lines.append(Line(f"model: {_MODELS[model.model]}", fitted, values))
            break
    title = f"Power by duration, {answer.first_day} to {answer.last_day}"
    return Chart(title, [Panel("best power", "W", lines, "duration")])


def _modelled(model: athlete_pb2.PowerModelFit, seconds: float) -> float:
    if model.HasField("maximum_power_w"):
        seconds += model.w_prime_j / (model.maximum_power_w - model.critical_power_w)
    return model.critical_power_w + model.w_prime_j / seconds


def _write_model(console: Console, model: athlete_pb2.PowerModelFit) -> None:
    name = _MODELS.get(model.model, "model")
    if model.refused:
        console.print(f"{name}: {model.refused}")
        return
    words = (
        f"{name}: critical power {model.critical_power_w:.0f} ± {model.critical_power_error_w:.1f} W, "
        f"W' {model.w_prime_j / 1000:.1f} ± {model.w_prime_error_j / 1000:.1f} kJ"
    )
    if model.HasField("maximum_power_w"):
        words += f", maximum {model.maximum_power_w:.0f} ± {model.maximum_power_error_w:.0f} W"
    console.print(f"{words} ({len(model.points)} durations, R² {model.r_squared:.3f})")
