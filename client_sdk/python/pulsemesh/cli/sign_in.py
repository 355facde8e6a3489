"""`pulsemesh login` and `pulsemesh logout`."""

from __future__ import annotations

from datetime import UTC, timedelta

import click

from pulsemesh import errors
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.cli.store import SignIn

__all__ = ["login", "logout"]


@click.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 30), default=30, show_default=True, help="How long it lasts.")
@json_option
@command
async def login(session: Session, *, name: str, days: int) -> None:
    """Sign in as NAME and remember it for later commands.

    For now the platform's development issuer gives the token: it believes any NAME, and it
    answers on the platform's own machine only.
    """
    async with session.client(anonymous=True) as client:
        try:
            made = await client.auth.create_token(name.lower(), time_to_live=timedelta(days=days))
        except errors.Unimplemented as error:
            raise CommandFailure(
                f"The platform at {session.target} has no development issuer.",
                Exit.SIGN_IN,
                hint="get a token elsewhere and give it with --token or PULSEMESH_TOKEN",
            ) from error
    expires = made.expires_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
    session.store.put(session.target, SignIn(name.lower(), made.user_id, made.access_token, expires))
    if session.as_json:
        document = {"target": session.target, "user_id": made.user_id, "expires_at": expires}
        click.echo(as_json_line(document))
    else:
        click.echo(f"Signed in at {session.target} as {made.user_id} until {expires}.")


@click.command()
@json_option
@command
async def logout(session: Session) -> None:
    """Forget who is signed in."""
    gone = session.store.remove(session.target)
    if session.as_json:
        click.echo(as_json_line({"target": session.target, "signed_out": gone}))
    else:
        click.echo(
            f"Signed out of {session.target}." if gone else f"Nobody was signed in at {session.target}."
        )
