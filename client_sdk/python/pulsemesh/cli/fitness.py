"""`pulsemesh fitness`: load, fitness, fatigue and form, drawn."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
from rich.table import Table

from pulsemesh.cli.drawing import SUFFIXES, Chart, ChartFileError, Line, Panel, draw_terminal, write_chart
from pulsemesh.cli.failures import CommandFailure
from pulsemesh.cli.formats import as_dict, as_json_line
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import athlete_pb2

__all__ = ["DAY", "fitness", "fitness_chart"]

DAY = click.DateTime(["%Y-%m-%d"])

_EPOCH = date(1970, 1, 1)
_DEFAULT_DAYS = 365
_MEASURES = tuple(name.removeprefix("LOAD_MEASURE_").lower() for name in athlete_pb2.LoadMeasure.keys()[1:])


@click.command()
@click.option("--days", type=click.IntRange(1), help=f"The last so many days; {_DEFAULT_DAYS} by default.")
@click.option("--from", "first", type=DAY, help="From this day on.")
@click.option("--to", "last", type=DAY, help="To this day; a day to come shows how form would recover.")
@click.option("--load", "measure", type=click.Choice(_MEASURES), default="stress_score", show_default=True)
@click.option("--sport", "sports", type=SportName(), multiple=True, help="Only this sport; may be repeated.")
@click.option("--fitness-days", type=click.FloatRange(1, 365), default=42, show_default=True)
@click.option("--fatigue-days", type=click.FloatRange(1, 365), default=7, show_default=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Also write the chart: {', '.join(SUFFIXES)}.",
)
@json_option
@command
async def fitness(
    session: Session,
    *,
    days: int | None,
    first: datetime | None,
    last: datetime | None,
    measure: str,
    sports: tuple[sport_pb2.Sport.ValueType, ...],
    fitness_days: float,
    fatigue_days: float,
    output: Path | None,
) -> None:
    """Show your fitness, fatigue and form, day by day.

    Fitness (CTL) is the mean load of about six weeks, fatigue (ATL) that of a week, form (TSB)
    yesterday's fitness less yesterday's fatigue.
    """
    begin = _first_day(days, first, last)
    async with session.client() as client:
        numbers = await client.athlete.fitness(
            begin,
            last.date() if last else None,
            measure=measure,
            sports=sports,
            chronic_days=fitness_days,
            acute_days=fatigue_days,
        )
    chart = fitness_chart(numbers)
    if output is not None:
        try:
            await asyncio.to_thread(write_chart, chart, output)
        except ChartFileError as error:
            raise CommandFailure(str(error)) from error
        click.echo(f"Wrote {output}", err=True)
    if session.as_json:
        click.echo(as_json_line(as_dict(numbers)))
    elif not numbers.load:
        click.echo("There is no workout yet.", err=True)
    else:
        width = min(session.console.width, 160)
        click.echo(draw_terminal(chart, width=width, colour=session.console.is_terminal))
        session.console.print(_today(numbers))
        if numbers.unmeasured:
            click.echo(
                f"{numbers.unmeasured} workouts have no load of this kind and count as rest; "
                "`pulsemesh thresholds set` may help.",
                err=True,
            )


def _first_day(days: int | None, first: datetime | None, last: datetime | None) -> date | None:
    if first is not None:
        return first.date()
    end = last.date() if last is not None else datetime.now(UTC).date()
    return end - timedelta(days=(days or _DEFAULT_DAYS) - 1)


def fitness_chart(numbers: athlete_pb2.Fitness) -> Chart:
    """The chart of a fitness: the three curves, then the load of each day."""
    if not numbers.load:
        return Chart("Fitness")
    first = (date.fromisoformat(numbers.first_day) - _EPOCH).days
    days = [float(first + index) for index in range(len(numbers.load))]
    return Chart(
        "Fitness",
        [
            Panel(
                "fitness, fatigue, form",
                "load a day",
                [
                    Line("fitness (CTL)", days, list(numbers.chronic)),
                    Line("fatigue (ATL)", days, list(numbers.acute)),
                    Line("form (TSB)", days, list(numbers.balance)),
                ],
                "date",
            ),
            Panel("load", "", [Line("load", days, list(numbers.load), "steps")], "date"),
        ],
    )


def _today(numbers: athlete_pb2.Fitness) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", style="bold")
    for label, values in (
        ("Fitness (CTL)", numbers.chronic),
        ("Fatigue (ATL)", numbers.acute),
        ("Form (TSB)", numbers.balance),
        ("Growth of fitness in 7 days", numbers.ramp),
        ("Monotony", numbers.monotony),
        ("Strain", numbers.strain),
    ):
        value = values[-1]
        table.add_row(label, f"{value:.1f}" if value == value else "-")  # noqa: PLR0124 - NaN is not itself
    return table
