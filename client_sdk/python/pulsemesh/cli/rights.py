"""`pulsemesh rights`: a copy of everything, erasure, restriction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import click
from rich.table import Table

from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, local_time
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.type.v1 import personal_data_pb2

__all__ = ["rights"]

_POLL_S = 0.5
_OVER = (rights_pb2.RIGHTS_STATE_DONE, rights_pb2.RIGHTS_STATE_CANCELLED)


@click.group()
def rights() -> None:
    """What you may ask for your data: a copy of everything, its erasure, its restriction."""


def _state(request: rights_pb2.RightsRequest) -> str:
    return rights_pb2.RightsState.Name(request.state).removeprefix("RIGHTS_STATE_").lower()


@rights.command("export")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
@command
async def export(session: Session, *, path: Path) -> None:
    """Save everything that the platform holds of you to PATH, a zip file.

    It waits until the archive is made. `pulsemesh-edge import PATH` brings the workouts of it to
    any platform; the rest is JSON, a line a row.
    """
    async with session.client() as client:
        request = await client.rights.request_export()
        while request.state not in _OVER:
            await asyncio.sleep(_POLL_S)
            request = await _again(client.rights.requests(), request.rights_request_id)
        size = await client.rights.save_export(request.rights_request_id, path)
    if session.as_json:
        click.echo(as_json_line({"path": str(path), "bytes": size}))
    else:
        session.console.print(f"Saved {path}, {size:,} bytes.")


async def _again(
    requests: AsyncIterator[rights_pb2.RightsRequest], rights_request_id: str
) -> rights_pb2.RightsRequest:
    async for request in requests:
        if request.rights_request_id == rights_request_id:
            return request
    raise CommandFailure("The request is gone.", Exit.FAILED)


@rights.command("erase")
@click.option("--confirm", default="", help="Your user id; asked for unless given.")
@json_option
@command
async def erase(session: Session, *, confirm: str) -> None:
    """Have everything erased, your account included. There is no way back once it has begun."""
    user_id = confirm or click.prompt("Everything will be gone. Type your user id to go on")
    async with session.client() as client:
        request = await client.rights.request_erasure(user_id)
    if session.as_json:
        click.echo(as_json_line(as_dict(request)))
        return
    begins = local_time(request.due_at)
    session.console.print(f"Erasure begins {begins}. Until then: pulsemesh rights cancel")
    session.console.print(f"The report, afterwards: pulsemesh rights report {request.rights_request_id}")


@rights.command("cancel")
@click.argument("request_id")
@json_option
@command
async def cancel(session: Session, *, request_id: str) -> None:
    """Take a request back that nobody works on yet."""
    async with session.client() as client:
        request = await client.rights.cancel(request_id)
    click.echo(as_json_line(as_dict(request)) if session.as_json else f"The request is {_state(request)}.")


@rights.command("list")
@json_option
@command
async def list_requests(session: Session) -> None:
    """List what you asked for, the newest first."""
    async with session.client() as client:
        found = [request async for request in client.rights.requests()]
        since = await client.rights.restricted_since()
    if session.as_json:
        for request in found:
            click.echo(as_json_line(as_dict(request)))
        return
    table = Table("Request", "What", "State", "Asked")
    for request in found:
        kind = rights_pb2.RightsKind.Name(request.kind).removeprefix("RIGHTS_KIND_").lower()
        asked = local_time(request.created_at)
        table.add_row(request.rights_request_id, kind, _state(request), asked)
    session.console.print(table)
    if since is not None:
        session.console.print(f"Your data is only stored since {since:%Y-%m-%d %H:%M} UTC.")


@rights.command("report")
@click.argument("request_id")
@json_option
@command
async def report(session: Session, *, request_id: str) -> None:
    """Show what became of every place where something of an erased person was."""
    async with session.client(anonymous=True) as client:
        request = await client.rights.report(request_id)
    if session.as_json:
        click.echo(as_json_line(as_dict(request)))
        return
    session.console.print(f"The erasure is {_state(request)}.")
    table = Table("Where", "Place", "Count", "What became of it")
    for place in request.places:
        outcome = personal_data_pb2.ErasureOutcome.Name(place.outcome).removeprefix("ERASURE_OUTCOME_")
        told = f"{outcome.lower()}: {place.note}" if place.note else outcome.lower()
        table.add_row(place.domain, place.place, str(place.count), told)
    session.console.print(table)


@rights.command("restrict")
@click.argument("setting", type=click.Choice(["on", "off"]))
@command
async def restrict(session: Session, *, setting: str) -> None:
    """Have your data stored and not used, or used again as you allow."""
    async with session.client() as client:
        await client.rights.restrict(setting == "on")
    session.console.print(
        "Your data is only stored." if setting == "on" else "Your data is used as you allow."
    )
