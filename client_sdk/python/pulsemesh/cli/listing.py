"""`pulsemesh list`."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from pulsemesh.cli.formats import as_dict, as_json_line, distance, duration, local_time, sport_name
from pulsemesh.cli.options import SportName, json_option, moment
from pulsemesh.cli.references import short
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2

__all__ = ["list_workouts"]

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


@click.command("list")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--sport", "sports", type=SportName(), multiple=True, help="Only this sport; may be repeated.")
@click.option("--after", type=_DAY, help="Only those that started after this day or time.")
@click.option("--before", type=_DAY, help="Only those that started before.")
@click.option("--title", default="", help="Only those whose title contains this.")
@click.option("--recordings", is_flag=True, help="Recordings in progress instead of workouts.")
@json_option
@command
async def list_workouts(
    session: Session,
    *,
    limit: int,
    everything: bool,
    sports: tuple[sport_pb2.Sport.ValueType, ...],
    after: datetime | None,
    before: datetime | None,
    title: str,
    recordings: bool,
) -> None:
    """List your workouts, the latest first."""
    count = None if everything else limit
    async with session.client() as client:
        if recordings:
            states = ["open", "finishing"]
            open_ones = [one async for one in client.recordings.list(states=states, limit=count)]
            _write(session, open_ones, _recordings_table(open_ones), "No recording is open.")
            return
        found = [
            workout
            async for workout in client.workouts.list(
                sports=sports,
                started_after=moment(after),
                started_before=moment(before),
                title_contains=title,
                limit=count,
            )
        ]
    _write(session, found, _workouts_table(found), "There is no such workout yet.")


def _write(
    session: Session,
    found: list[workout_pb2.Workout] | list[recording_pb2.Recording],
    table: Table,
    nothing: str,
) -> None:
    if session.as_json:
        for one in found:
            click.echo(as_json_line(as_dict(one)))
    elif found:
        session.console.print(table)
    else:
        click.echo(nothing, err=True)


def _workouts_table(found: list[workout_pb2.Workout]) -> Table:
    table = Table("ID", "Start", "Sport", "Title", box=None, pad_edge=False)
    for heading in ("Time", "Distance", "Climbed"):
        table.add_column(heading, justify="right")
    for workout in found:
        summary = workout.summary
        table.add_row(
            short(workout.workout_id),
            local_time(workout.start_time),
            sport_name(workout.sport),
            workout.title,
            duration(summary.elapsed_s) if summary.HasField("elapsed_s") else "",
            distance(summary.distance_m) if summary.HasField("distance_m") else "",
            f"{summary.elevation_gain_m:.0f} m" if summary.HasField("elevation_gain_m") else "",
        )
    return table


def _recordings_table(found: list[recording_pb2.Recording]) -> Table:
    table = Table("ID", "Start", "Sport", "State", box=None, pad_edge=False)
    for heading in ("Sources", "Samples"):
        table.add_column(heading, justify="right")
    for recording in found:
        state = recording_pb2.RecordingState.Name(recording.state)
        table.add_row(
            short(recording.recording_id),
            local_time(recording.start_time),
            sport_name(recording.sport),
            state.removeprefix("RECORDING_STATE_").lower(),
            str(len(recording.sources)),
            str(sum(source.next_sequence for source in recording.sources)),
        )
    return table
