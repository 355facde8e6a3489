"""`pulsemesh totals`: what was done in each week, month or year."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from pulsemesh.cli.fitness import DAY
from pulsemesh.cli.formats import as_dict, as_json_line, distance, duration, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import athlete_pb2

__all__ = ["totals"]


@click.command()
@click.argument("period", type=click.Choice(["week", "month", "year"]), default="week")
@click.option(
    "--limit", "-n", type=click.IntRange(1), default=12, show_default=True, help="The last so many."
)
@click.option("--from", "first", type=DAY, help="Periods that begin on this day or later.")
@click.option("--to", "last", type=DAY, help="Periods that begin on this day or earlier.")
@click.option("--sport", "sports", type=SportName(), multiple=True, help="Only this sport; may be repeated.")
@click.option("--by-sport", is_flag=True, help="A line for each sport.")
@json_option
@command
async def totals(
    session: Session,
    *,
    period: str,
    limit: int,
    first: datetime | None,
    last: datetime | None,
    sports: tuple[sport_pb2.Sport.ValueType, ...],
    by_sport: bool,
) -> None:
    """Show what you did in each week, month or year."""
    async with session.client() as client:
        found = [
            total
            async for total in client.athlete.totals(
                period,
                first_day=first.date() if first else None,
                last_day=last.date() if last else None,
                sports=sports,
                by_sport=by_sport,
            )
        ][-limit:]
    if session.as_json:
        for total in found:
            click.echo(as_json_line(as_dict(total)))
    elif found:
        session.console.print(_table(period, found, by_sport=by_sport))
    else:
        click.echo("There is no workout in that time.", err=True)


def _table(period: str, found: list[athlete_pb2.Totals], *, by_sport: bool) -> Table:
    table = Table(f"{period.capitalize()} from", box=None, pad_edge=False)
    if by_sport:
        table.add_column("Sport")
    for heading in ("Workouts", "Moving", "Distance", "Climbed", "Energy", "Stress"):
        table.add_column(heading, justify="right")
    for total in found:
        table.add_row(
            total.first_day,
            *([sport_name(total.sport)] if by_sport else []),
            str(total.workouts),
            duration(total.moving_s),
            distance(total.distance_m),
            f"{total.elevation_gain_m:.0f} m",
            f"{total.energy_kcal:.0f} kcal",
            f"{total.stress_score:.0f}",
        )
    return table
