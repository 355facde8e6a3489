"""`pulsemesh edit` and `pulsemesh delete`."""

from __future__ import annotations

import sys

import click

from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, local_time, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.references import find_workout, short
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2

__all__ = ["delete", "edit"]


@click.command()
@click.argument("workout")
@click.option("--title", default=None, help="The new title; empty for none.")
@click.option("--notes", default=None, help="The new notes; empty for none.")
@click.option("--sport", type=SportName(), default=None, help="The new sport.")
@json_option
@command
async def edit(
    session: Session,
    *,
    workout: str,
    title: str | None,
    notes: str | None,
    sport: sport_pb2.Sport.ValueType | None,
) -> None:
    """Change the title, the notes or the sport of a workout."""
    if title is None and notes is None and sport is None:
        raise CommandFailure("Nothing to change: give --title, --notes or --sport.", Exit.USAGE)
    async with session.client() as client:
        before = await client.workouts.get(await find_workout(client, workout))
        after = await client.workouts.update(
            before.workout_id, title=title, notes=notes, sport=sport, etag=before.etag
        )
    if session.as_json:
        click.echo(as_json_line(as_dict(after)))
    else:
        click.echo(
            f"Changed {short(after.workout_id)}: {after.title or 'untitled'}, {sport_name(after.sport)}"
        )


@click.command()
@click.argument("workout")
@click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask.")
@json_option
@command
async def delete(session: Session, *, workout: str, sure: bool) -> None:
    """Delete a workout with everything that belongs to it, the original file included."""
    async with session.client() as client:
        found = await client.workouts.get(await find_workout(client, workout))
        if not sure:
            _ask(f"Delete {found.title or 'untitled'} of {local_time(found.start_time)}, for good?")
        deleted = await client.workouts.delete(found.workout_id)
    if session.as_json:
        click.echo(as_json_line({"workout_id": found.workout_id, "deleted": deleted}))
    else:
        click.echo(f"Deleted {found.workout_id}." if deleted else "It was gone already.")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFailure("Nobody is there to confirm.", Exit.USAGE, hint="--yes deletes without asking")
    if not click.confirm(question):
        raise CommandFailure("Nothing was deleted.")
