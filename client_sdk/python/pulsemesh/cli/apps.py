"""`pulsemesh apps`: what other programs may do, and the end of it."""

from __future__ import annotations

import click

from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command

__all__ = ["apps"]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def apps(context: click.Context, as_json: bool) -> None:
    """Show what other programs may do for you."""
    context.ensure_object(Session).as_json |= as_json
    if context.invoked_subcommand is None:
        context.invoke(list_apps, as_json=as_json)


@apps.command("list", hidden=True)
@json_option
@command
async def list_apps(session: Session) -> None:
    """Show what other programs may do for you."""
    async with session.client() as client:
        found = await client.apps.authorised()
    for app in found:
        granted = app.granted_at.ToJsonString()
        if session.as_json:
            document = {
                "client_id": app.client_id,
                "name": app.name,
                "scopes": list(app.scopes),
                "granted_at": granted,
                "last_used_at": app.last_used_at.ToJsonString() if app.HasField("last_used_at") else None,
            }
            click.echo(as_json_line(document))
        else:
            click.echo(f"{app.client_id:<32} {app.name}: {' '.join(app.scopes)}, since {granted[:10]}")
    if not found and not session.as_json:
        click.echo("You let no programs in.")


@apps.command()
@click.argument("client_id")
@json_option
@command
async def withdraw(session: Session, *, client_id: str) -> None:
    """Let the program CLIENT_ID do nothing more: its sessions end at once."""
    async with session.client() as client:
        known = {app.client_id for app in await client.apps.authorised()}
        if client_id not in known:
            raise CommandFailure(f"You let no program {client_id} in.", Exit.NOT_FOUND, hint="pulsemesh apps")
        ended = await client.apps.withdraw(client_id)
    if session.as_json:
        click.echo(as_json_line({"client_id": client_id, "ended_sessions": ended}))
    else:
        click.echo(f"{client_id} may do nothing more; {ended} sessions ended.")
