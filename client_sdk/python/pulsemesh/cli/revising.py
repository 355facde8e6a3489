"""`pulsemesh crop`, `cut`, `correct`, `revert`, `split` and `merge`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import click
from rich.table import Table

from pulsemesh import Client, revisions
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, duration, local_time, summary_rows
from pulsemesh.cli.options import json_option
from pulsemesh.cli.places import Place, PlaceName
from pulsemesh.cli.references import find_workout, short
from pulsemesh.cli.session import Session, command
from pulsemesh.revisions import Operation
from pulsemesh.workout.v1 import revision_service_pb2, workout_pb2

__all__ = ["correct", "crop", "cut", "merge", "revert", "split"]

_PLACE = PlaceName()
_preview_option = click.option("--preview", is_flag=True, help="Only say what would be.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("workout")
@click.option("--start", type=_PLACE, default=None, help="Where what is kept begins: 12:30, 5m, a time.")
@click.option("--end", type=_PLACE, default=None, help="Where it ends; -5m is five minutes before the end.")
@_preview_option
@json_option
@command
async def crop(
    session: Session, *, workout: str, start: Place | None, end: Place | None, preview: bool
) -> None:
    """Keep a stretch of a workout and leave out the rest."""
    if start is None and end is None:
        raise CommandFailure("Nothing to leave out: give --start or --end.", Exit.USAGE)
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        operation = revisions.crop(
            0 if start is None else start.in_workout(found), 0 if end is None else end.in_workout(found)
        )
        await _revise(session, client, found, [operation], preview=preview)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("workout")
@click.argument("start", type=_PLACE)
@click.argument("end", type=_PLACE)
@_preview_option
@json_option
@command
async def cut(session: Session, *, workout: str, start: Place, end: Place, preview: bool) -> None:
    """Leave out what lies between two places; it becomes a pause."""
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        operation = revisions.cut(start.in_workout(found), end.in_workout(found))
        await _revise(session, client, found, [operation], preview=preview)


@click.command()
@click.argument("workout")
@click.option("--spikes", is_flag=True, help="Remove values that nobody can have given.")
@click.option("--fill", type=float, default=None, metavar="SECONDS", help="Fill dropouts of at most so long.")
@click.option("--elevation", is_flag=True, help="Remove what juts out of the altitude.")
@click.option("--smooth", type=float, default=0.0, metavar="SECONDS", help="Even the altitude out.")
@click.option("--altitude", type=float, default=None, metavar="METRES", help="Where the workout began.")
@click.option(
    "--scale",
    "scales",
    type=(str, float),
    multiple=True,
    metavar="CHANNEL FACTOR",
    help="A sensor measured wrong.",
)
@click.option("--drop", "drops", multiple=True, metavar="CHANNEL", help="Leave out a channel.")
@click.option("--drop-source", "sources", multiple=True, metavar="SOURCE", help="Leave out a source.")
@_preview_option
@json_option
@command
async def correct(
    session: Session,
    *,
    workout: str,
    spikes: bool,
    fill: float | None,
    elevation: bool,
    smooth: float,
    altitude: float | None,
    scales: tuple[tuple[str, float], ...],
    drops: tuple[str, ...],
    sources: tuple[str, ...],
    preview: bool,
) -> None:
    """Correct what sensors measured wrong; `pulsemesh revert` takes it back."""
    operations = [revisions.drop(source_id=source) for source in sources]
    operations += [revisions.drop(channel) for channel in drops]
    operations += [revisions.scale(channel, factor) for channel, factor in scales]
    if spikes:
        operations.append(revisions.remove_spikes())
    if fill is not None:
        operations.append(revisions.fill_dropouts(longest_s=fill))
    if elevation or smooth or altitude is not None:
        operations.append(
            revisions.correct_elevation(
                remove_outliers=elevation, smoothing_s=smooth, start_altitude_m=altitude
            )
        )
    if not operations:
        raise CommandFailure("Nothing to correct.", Exit.USAGE, hint="pulsemesh correct --help")
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        await _revise(session, client, found, operations, preview=preview)


@click.command()
@click.argument("workout")
@json_option
@command
async def revert(session: Session, *, workout: str) -> None:
    """Take corrections back; of a split or merged workout, the split or the merge."""
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        if found.revised:
            restored = [await client.revisions.revert(found.workout_id, etag=found.etag)]
        else:
            restored = await _undo(client, found)
    if session.as_json:
        for one in restored:
            click.echo(as_json_line(as_dict(one)))
        return
    for one in restored:
        click.echo(f"{short(one.workout_id)} is as it was: {one.title or 'untitled'}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("workout")
@click.argument("places", type=_PLACE, nargs=-1, required=True)
@json_option
@command
async def split(session: Session, *, workout: str, places: tuple[Place, ...]) -> None:
    """Make several workouts of one; each place begins another part."""
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        times = sorted(place.in_workout(found) for place in places)
        made = await client.revisions.split(found.workout_id, times, etag=found.etag)
    _write_made(session, made.workouts)


@click.command()
@click.argument("workouts", nargs=-1, required=True)
@click.option(
    "--lead", "leads", type=(str, str), multiple=True, metavar="CHANNEL WORKOUT", help="Who tells it."
)
@click.option(
    "--offset",
    "offsets",
    type=(str, float),
    multiple=True,
    metavar="WORKOUT SECONDS",
    help="By how much a clock was wrong.",
)
@click.option("--align/--no-align", default=True, help="Look for offsets of clocks that are not given.")
@_preview_option
@json_option
@command
async def merge(
    session: Session,
    *,
    workouts: tuple[str, ...],
    leads: tuple[tuple[str, str], ...],
    offsets: tuple[tuple[str, float], ...],
    align: bool,
    preview: bool,
) -> None:
    """Make one workout of several: a watch's and a trainer's, or two halves."""
    async with session.client() as client:
        ids = {name: await find_workout(client, name) for name in dict.fromkeys(workouts)}
        if len(set(ids.values())) < 2:
            raise CommandFailure("Name at least two workouts.", Exit.USAGE)
        answer = await client.revisions.merge(
            list(dict.fromkeys(ids.values())),
            leads={channel: await find_workout(client, name) for channel, name in leads},
            clock_offsets={
                await find_workout(client, name): timedelta(seconds=seconds) for name, seconds in offsets
            },
            align_clocks=align,
            preview=preview,
        )
    if session.as_json:
        click.echo(as_json_line(as_dict(answer)))
        return
    for offset in answer.derivation.clock_offsets:
        click.echo(f"The clock of {short(offset.workout_id)} is moved by {offset.offset_ms / 1000:+.1f} s.")
    if preview:
        session.console.print(_numbers(answer.workout.summary))
    else:
        _write_made(session, [answer.workout])


async def _undo(client: Client, found: workout_pb2.Workout) -> list[workout_pb2.Workout]:
    """Undo what made this workout, or what hides it."""
    async for derivation in client.revisions.derivations(found.workout_id):
        standing = found.hidden or found.workout_id in derivation.output_workout_ids
        if standing:
            return list(await client.revisions.undo(derivation.derivation_id))
    raise CommandFailure(f"{short(found.workout_id)} is as it was recorded.", Exit.NOT_FOUND)


async def _revise(
    session: Session,
    client: Client,
    found: workout_pb2.Workout,
    operations: list[Operation],
    *,
    preview: bool,
) -> None:
    answer = await client.revisions.revise(found.workout_id, *operations, etag=found.etag, preview=preview)
    if session.as_json:
        click.echo(as_json_line(as_dict(answer)))
        return
    for line in _outcomes(answer):
        click.echo(line)
    session.console.print(_numbers(answer.before, answer.workout.summary))
    if not preview:
        click.echo(f"Changed {short(found.workout_id)}; pulsemesh revert takes it back.")


def _outcomes(answer: revision_service_pb2.ReviseWorkoutResponse) -> list[str]:
    told = []
    for number, outcome in enumerate(answer.outcomes, 1):
        parts = [
            f"{count} {what}"
            for count, what in (
                (outcome.removed_samples, "samples removed"),
                (outcome.removed_values, "values removed"),
                (outcome.changed_values, "values changed"),
                (outcome.filled_values, "values filled"),
            )
            if count
        ]
        told.append(f"{number}. {', '.join(parts) or 'nothing to do'}")
    return told


def _numbers(before: workout_pb2.Summary, after: workout_pb2.Summary | None = None) -> Table:
    """The numbers, side by side where there are two."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("Before" if after is not None else "", justify="right")
    rows = dict(summary_rows(before))
    if after is None:
        for label, text in rows.items():
            table.add_row(label, text)
        return table
    table.add_column("After", justify="right")
    changed = dict(summary_rows(after))
    for label in dict.fromkeys([*rows, *changed]):
        table.add_row(label, rows.get(label, "-"), changed.get(label, "-"))
    return table


def _write_made(session: Session, made: Iterable[workout_pb2.Workout]) -> None:
    for workout in made:
        if session.as_json:
            click.echo(as_json_line(as_dict(workout)))
        else:
            when = f"{local_time(workout.start_time)}, {duration(workout.summary.elapsed_s)}"
            click.echo(f"Made {short(workout.workout_id)}: {workout.title}, {when}")
