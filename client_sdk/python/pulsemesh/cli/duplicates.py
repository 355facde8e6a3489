"""`pulsemesh duplicates`."""

from __future__ import annotations

import click
from rich.table import Table

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, local_time, sport_name
from pulsemesh.cli.options import json_option
from pulsemesh.cli.references import find_workout, short
from pulsemesh.cli.session import Session, command
from pulsemesh.revisions import Channel
from pulsemesh.workout.v1 import duplicate_service_pb2

__all__ = ["duplicates"]

_REASONS = {
    duplicate_service_pb2.DUPLICATE_REASON_OVERLAP: lambda value: f"{value:.0%} of one time",
    duplicate_service_pb2.DUPLICATE_REASON_START: lambda value: f"begun {value:.0f} s apart",
    duplicate_service_pb2.DUPLICATE_REASON_TRACK: lambda value: f"{value:.0%} in one place",
    duplicate_service_pb2.DUPLICATE_REASON_CHANNEL: lambda value: f"curves {value:.0%} alike",
    duplicate_service_pb2.DUPLICATE_REASON_DISTANCE: lambda value: f"distances {value:.0%} alike",
}


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Those that were decided, too.")
@json_option
@click.pass_context
def duplicates(context: click.Context, everything: bool, as_json: bool) -> None:
    """Workouts that may be one: list them, and say what to do with them."""
    if context.invoked_subcommand is None:
        context.invoke(_list, everything=everything, as_json=as_json)


@click.command("list", hidden=True)
@click.option("--all", "everything", is_flag=True)
@json_option
@command
async def _list(session: Session, *, everything: bool) -> None:
    states = ["open", "kept_both", "kept_one", "merged"] if everything else []
    async with session.client() as client:
        found = [pair async for pair in client.duplicates.list(states=states)]
    if session.as_json:
        for pair in found:
            click.echo(as_json_line(as_dict(pair)))
    elif found:
        session.console.print(_table(found))
    else:
        click.echo("No two of your workouts look like one.", err=True)


@duplicates.command()
@click.argument("duplicate")
@click.argument("workout")
@json_option
@command
async def keep(session: Session, *, duplicate: str, workout: str) -> None:
    """Keep one workout of a pair and hide the other."""
    async with session.client() as client:
        pair = await _find(client, duplicate)
        kept = await find_workout(client, workout)
        _write(session, await client.duplicates.keep_one(pair.duplicate_id, kept))


@duplicates.command()
@click.argument("duplicate")
@json_option
@command
async def both(session: Session, *, duplicate: str) -> None:
    """Keep both workouts of a pair, and do not ask again."""
    async with session.client() as client:
        pair = await _find(client, duplicate)
        _write(session, await client.duplicates.keep_both(pair.duplicate_id))


@duplicates.command()
@click.argument("duplicate")
@click.option(
    "--lead", "leads", type=(str, str), multiple=True, metavar="CHANNEL WORKOUT", help="Who tells it."
)
@json_option
@command
async def merge(session: Session, *, duplicate: str, leads: tuple[tuple[str, str], ...]) -> None:
    """Make one workout of a pair."""
    async with session.client() as client:
        pair = await _find(client, duplicate)
        chosen: dict[Channel, str] = {channel: await find_workout(client, name) for channel, name in leads}
        made = await client.duplicates.merge(pair.duplicate_id, leads=chosen)
    if session.as_json:
        click.echo(as_json_line(as_dict(made)))
    else:
        click.echo(f"Made {short(made.workout_id)}: {made.title}")


@duplicates.command()
@click.argument("duplicate")
@json_option
@command
async def reopen(session: Session, *, duplicate: str) -> None:
    """Take a choice back: both workouts are as they were."""
    async with session.client() as client:
        pair = await _find(client, duplicate)
        _write(session, await client.duplicates.reopen(pair.duplicate_id))


async def _find(client: Client, reference: str) -> duplicate_service_pb2.Duplicate:
    """Return the pair whose id is, or ends with, `reference`. Raises `CommandFailure`."""
    wanted = reference.upper().lstrip("…")
    states = ["open", "kept_both", "kept_one", "merged"]
    found = [
        pair async for pair in client.duplicates.list(states=states) if pair.duplicate_id.endswith(wanted)
    ]
    if len(found) != 1:
        what = "No pair is" if not found else "More than one pair is"
        raise CommandFailure(
            f"{what} called {reference}.", Exit.NOT_FOUND, hint="pulsemesh duplicates --all shows them"
        )
    return found[0]


def _write(session: Session, pair: duplicate_service_pb2.Duplicate) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(pair)))
    else:
        click.echo(f"{short(pair.duplicate_id)}: {_state(pair)}")


def _state(pair: duplicate_service_pb2.Duplicate) -> str:
    name = duplicate_service_pb2.DuplicateState.Name(pair.state)
    return name.removeprefix("DUPLICATE_STATE_").lower().replace("_", " ")


def _table(found: list[duplicate_service_pb2.Duplicate]) -> Table:
    table = Table(
        "Pair", "Workout", "Start", "Sport", "Title", "Sure", "State", "Why", box=None, pad_edge=False
    )
    for pair in found:
        why = ", ".join(
            _REASONS[each.reason](each.value) for each in pair.evidence if each.reason in _REASONS
        )
        for index, workout in enumerate((pair.first, pair.second)):
            table.add_row(
                short(pair.duplicate_id) if not index else "",
                short(workout.workout_id),
                local_time(workout.start_time),
                sport_name(workout.sport),
                workout.title,
                f"{pair.score:.0%}" if not index else "",
                _state(pair) if not index else "",
                why if not index else "",
            )
    return table
