"""`pulsemesh login` and `pulsemesh logout`."""

from __future__ import annotations

import contextlib
import platform
from datetime import UTC, timedelta

import click

from pulsemesh import errors
from pulsemesh.cli.devices import tokens_by_code
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.second_factors import ask_code
from pulsemesh.cli.session import Session, command
from pulsemesh.cli.store import SignIn
from pulsemesh.credentials import SessionTokens
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.parts.account import SecondFactorNeeded

__all__ = ["CLIENT_ID", "device_name", "keep", "login", "logout", "password_option"]

CLIENT_ID = "pulsemesh-cli"

password_option = click.option(
    "--password", envvar="PULSEMESH_PASSWORD", default="", help="Asked for where it is not given."
)


def device_name() -> str:
    """Return what the list of sessions calls this machine."""
    return (platform.node() or "command line")[:80]


def keep(session: Session, email: str, tokens: SessionTokens) -> None:
    """Remember who signed in, and say so."""
    session.store.put(session.target, SignIn.of(email, tokens))
    if session.as_json:
        click.echo(as_json_line({"target": session.target, "user_id": tokens.user_id, "email": email}))
    else:
        click.echo(f"Signed in at {session.target} as {email}.")


@click.command()
@click.argument("name", required=False, default="")
@password_option
@click.option(
    "--days", type=click.IntRange(1, 30), default=30, show_default=True, help="Of a development sign-in."
)
@json_option
@command
async def login(session: Session, *, name: str, password: str, days: int) -> None:
    """Sign in with an e-mail address and remember it for later commands.

    Without a NAME it shows a code, which you confirm where you are signed in already; what that gives
    cannot manage the account itself. A NAME without @ asks the platform's development issuer, which
    believes any name and answers on the platform's own machine only.
    """
    if not name:
        tokens = await tokens_by_code(session, client_id=CLIENT_ID, device_name=device_name())
        keep(session, tokens.user_id, tokens)
    elif "@" in name:
        await _login_by_password(session, name, password)
    else:
        await _login_for_development(session, name.lower(), days)


async def _login_by_password(session: Session, email: str, password: str) -> None:
    given = password or click.prompt("Password", hide_input=True)
    async with session.client(anonymous=True) as client:
        try:
            tokens = await client.account.sign_in(
                email, given, device_name=device_name(), client_id=CLIENT_ID
            )
        except errors.Unauthenticated as error:
            if error.reason != reason_pb2.ERROR_REASON_SIGN_IN_FAILED:
                raise
            raise CommandFailure(
                "The address or the password is wrong.",
                Exit.SIGN_IN,
                hint="if you signed up just now, enter the code of the mail first: pulsemesh verify CODE",
            ) from error
        except SecondFactorNeeded as needed:
            if not {"totp", "recovery_code"} & set(needed.methods):
                raise CommandFailure(f"{needed}.".capitalize(), Exit.SIGN_IN) from needed
            tokens = await client.second_factors.complete(needed.challenge, **ask_code())
    keep(session, email, tokens)


async def _login_for_development(session: Session, name: str, days: int) -> None:
    async with session.client(anonymous=True) as client:
        try:
            made = await client.auth.create_token(name, time_to_live=timedelta(days=days))
        except errors.Unimplemented as error:
            raise CommandFailure(
                f"The platform at {session.target} has no development issuer.",
                Exit.SIGN_IN,
                hint="sign in with your e-mail address, or give a token with --token or PULSEMESH_TOKEN",
            ) from error
    expires = made.expires_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
    session.store.put(session.target, SignIn(name, made.user_id, made.access_token, expires))
    if session.as_json:
        document = {"target": session.target, "user_id": made.user_id, "expires_at": expires}
        click.echo(as_json_line(document))
    else:
        click.echo(f"Signed in at {session.target} as {made.user_id} until {expires}.")


@click.command()
@click.option("--everywhere", is_flag=True, help="End all sessions, on every device.")
@json_option
@command
async def logout(session: Session, *, everywhere: bool) -> None:
    """Sign out, and forget who is signed in."""
    kept = session.store.get(session.target)
    if kept is not None and kept.refresh_token:
        if everywhere:
            async with session.client() as client:
                await client.sessions.end_all()
        else:
            # Forgetting must work without a connection too: the session ends by itself in time then.
            async with session.client(anonymous=True) as client:
                with contextlib.suppress(errors.Unavailable, errors.DeadlineExceeded):
                    await client.sessions.sign_out(kept.refresh_token)
    gone = session.store.remove(session.target)
    if session.as_json:
        click.echo(as_json_line({"target": session.target, "signed_out": gone}))
    else:
        click.echo(
            f"Signed out of {session.target}." if gone else f"Nobody was signed in at {session.target}."
        )
