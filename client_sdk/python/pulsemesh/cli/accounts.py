"""`pulsemesh signup`, `verify` and `sessions`."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.table import Table

from pulsemesh import errors
from pulsemesh.auth.v1 import session_pb2
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.cli.sign_in import CLIENT_ID, device_name, keep, password_option
from pulsemesh.cli.store import PendingSignUp
from pulsemesh.error.v1 import reason_pb2

__all__ = ["sessions", "signup", "verify"]

_CODE_DIGITS = 6


@click.command()
@click.argument("email")
@click.option("--country", required=True, metavar="CC", help="Where you live: DE, FR, …")
@click.option("--born", type=click.DateTime(["%Y-%m-%d"]), help="The day on which you were born.")
@click.option("--age", type=click.IntRange(0, 150), default=0, help="Or: you are at least so old.")
@click.option("--language", default="", metavar="TAG", help="Of mails: en, ru, …")
@password_option
@json_option
@command
async def signup(
    session: Session,
    *,
    email: str,
    country: str,
    born: datetime | None,
    age: int,
    language: str,
    password: str,
) -> None:
    """Sign up with an e-mail address. A mail brings a code for `pulsemesh verify`."""
    if born is None and not age:
        raise click.UsageError("say --born YYYY-MM-DD, or --age YEARS")
    chosen = password or click.prompt("Choose a password", hide_input=True, confirmation_prompt=True)
    async with session.client(anonymous=True) as client:
        begun = await client.account.sign_up(
            email,
            chosen,
            country=country,
            born=born.date() if born is not None else None,
            at_least_years=age,
            language=language,
        )
    session.store.put_sign_up(session.target, PendingSignUp(email, begun.sign_up))
    if session.as_json:
        expires = begun.expires_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds")
        click.echo(as_json_line({"target": session.target, "email": email, "expires_at": expires}))
    else:
        click.echo(f"A mail is on its way to {email}. Enter its code: pulsemesh verify CODE")


@click.command()
@click.argument("code", default="")
@click.option("--resend", is_flag=True, help="Have the mail sent again.")
@password_option
@json_option
@command
async def verify(session: Session, *, code: str, resend: bool, password: str) -> None:
    """Enter the CODE of the mail (or what follows # in its link), and be signed in."""
    pending = session.store.sign_up(session.target)
    by_code = len(code) == _CODE_DIGITS and code.isdecimal()
    if pending is None and (by_code or resend):
        raise CommandFailure(
            f"Nobody is signing up at {session.target} from here.",
            Exit.NOT_FOUND,
            hint="pulsemesh signup EMAIL --country CC --born YYYY-MM-DD",
        )
    async with session.client(anonymous=True) as client:
        if resend and pending is not None:
            await client.account.resend(pending.sign_up)
            click.echo(f"Another mail is on its way to {pending.email}.")
            return
        if not code:
            raise click.UsageError("give the code of the mail, or --resend")
        try:
            if by_code and pending is not None:
                tokens = await client.account.verify(
                    pending.sign_up, code, device_name=device_name(), client_id=CLIENT_ID
                )
            else:
                given = password or click.prompt("The password that you chose", hide_input=True)
                tokens = await client.account.verify_link(
                    code, given, device_name=device_name(), client_id=CLIENT_ID
                )
        except errors.Unauthenticated as error:
            if error.reason != reason_pb2.ERROR_REASON_CODE_WRONG:
                raise
            raise CommandFailure(
                "The code is wrong, was used already, or is out of date.",
                hint="pulsemesh verify --resend",
            ) from error
    session.store.forget_sign_up(session.target)
    keep(session, pending.email if pending is not None else tokens.user_id, tokens)


@click.group(invoke_without_command=True)
@click.pass_context
def sessions(context: click.Context) -> None:
    """Where you are signed in."""
    if context.invoked_subcommand is None:
        context.invoke(list_sessions)


@sessions.command("list")
@json_option
@command
async def list_sessions(session: Session) -> None:
    """List your sessions, the one used last first."""
    async with session.client() as client:
        found = await client.sessions.list()
    if session.as_json:
        for each in found:
            click.echo(as_json_line(_document(each)))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("session", "device", "program", "place", "last used", ""):
        table.add_column(heading)
    for each in found:
        used = each.last_used_at.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M")
        here = "this one" if each.current else ""
        table.add_row(each.session_id, each.device_name or "–", each.client_id, each.place, used, here)
    session.console.print(table)


@sessions.command("end")
@click.argument("session_id", default="")
@click.option("--others", is_flag=True, help="All but this one.")
@json_option
@command
async def end_session(session: Session, *, session_id: str, others: bool) -> None:
    """End one of your sessions, or all others."""
    if bool(session_id) == others:
        raise click.UsageError("name a session, or say --others")
    async with session.client() as client:
        if others:
            ended = await client.sessions.end_all(keep_current=True)
        else:
            ended = int(await client.sessions.end(session_id))
    if not ended and not others:
        raise CommandFailure("There is no such session.", Exit.NOT_FOUND, hint="pulsemesh sessions")
    click.echo(as_json_line({"ended": ended}) if session.as_json else f"Sessions ended: {ended}.")


def _document(each: session_pb2.Session) -> dict[str, object]:
    return {
        "session_id": each.session_id,
        "device": each.device_name,
        "program": each.client_id,
        "place": each.place,
        "created_at": each.created_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds"),
        "last_used_at": each.last_used_at.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds"),
        "current": each.current,
        "methods": list(each.methods),
    }
