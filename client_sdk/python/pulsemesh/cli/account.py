"""`pulsemesh account`: the password, the address, and the end of an account."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import click

from pulsemesh import errors
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.second_factors import ask_code
from pulsemesh.cli.session import Session, command
from pulsemesh.client import Client
from pulsemesh.error.v1 import reason_pb2

__all__ = ["account"]

_password_option = click.option(
    "--password",
    envvar="PULSEMESH_PASSWORD",
    default="",
    help="The present one, for an account without a second factor; asked for where it is not given.",
)
_code_option = click.option(
    "--code",
    default="",
    help="With a second factor: of your app, or a recovery code; asked for where it is not given.",
)


@dataclass(frozen=True)
class _Proof:
    """What proves that the account is one's own: a password, or a code as an argument of the SDK."""

    password: str
    code: dict[str, str]


@click.group()
def account() -> None:
    """Your account: its password, its address, its end."""


@account.command("show")
@json_option
@command
async def show(session: Session) -> None:
    """Show your account."""
    async with session.client() as client:
        mine = await client.account.get()
    if session.as_json:
        click.echo(as_json_line(as_dict(mine)))
        return
    click.echo(f"{mine.email or 'no address'} ({mine.user_id})")
    if mine.pending_email:
        click.echo(f"Awaits its code: {mine.pending_email}. Enter it: pulsemesh account confirm CODE")


@account.command("password")
@click.option("--new-password", default="", help="Asked for where it is not given.")
@_password_option
@_code_option
@json_option
@command
async def change_password(session: Session, *, new_password: str, password: str, code: str) -> None:
    """Set another password; your other sessions end."""
    async with session.client() as client:
        proof = await _proof(client, password, code)
        chosen = new_password or click.prompt("Choose a password", hide_input=True, confirmation_prompt=True)
        with _explained():
            ended = await client.account.change_password(proof.password, chosen, **proof.code)
    document = as_json_line({"ended_sessions": ended})
    click.echo(document if session.as_json else f"The password is changed. Other sessions ended: {ended}.")


@account.command("email")
@click.argument("new_email")
@_password_option
@_code_option
@json_option
@command
async def change_email(session: Session, *, new_email: str, password: str, code: str) -> None:
    """Have a code sent to another address, which counts once you enter it."""
    async with session.client() as client:
        proof = await _proof(client, password, code)
        with _explained():
            await client.account.change_email(new_email, proof.password, **proof.code)
    if session.as_json:
        click.echo(as_json_line({"pending_email": new_email}))
    else:
        click.echo(f"A mail is on its way to {new_email}. Enter its code: pulsemesh account confirm CODE")


@account.command("confirm")
@click.argument("code")
@json_option
@command
async def confirm_email(session: Session, *, code: str) -> None:
    """Make the other address yours, by the CODE of its mail."""
    async with session.client() as client:
        mine = await client.account.confirm_email(code)
    click.echo(as_json_line(as_dict(mine)) if session.as_json else f"Your address is {mine.email} now.")


@account.command("delete")
@click.option("--yes", is_flag=True, help="Do not ask whether you mean it.")
@_password_option
@_code_option
@json_option
@command
async def delete(session: Session, *, yes: bool, password: str, code: str) -> None:
    """Have the account and everything of yours erased. You are signed out everywhere at once."""
    if not yes:
        click.confirm("Everything of yours will be erased, for good. Go on?", abort=True)
    async with session.client() as client:
        proof = await _proof(client, password, code)
        with _explained():
            await client.account.request_deletion(proof.password, **proof.code)
    session.store.remove(session.target)
    done = as_json_line({"deletion_requested": True})
    click.echo(done if session.as_json else "Your account is being erased. You are signed out.")


async def _proof(client: Client, password: str, code: str) -> _Proof:
    """Ask for what the platform will: a code beside a second factor, else the password, if there is one."""
    if (await client.second_factors.get()).required:
        return _Proof("", ask_code(code))
    if password or not (await client.account.get()).has_password:
        return _Proof(password, {})
    return _Proof(click.prompt("The present password", hide_input=True), {})


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """A wrong proof is no missing sign-in, though it has the same status."""
    try:
        yield
    except errors.Unauthenticated as error:
        if error.reason == reason_pb2.ERROR_REASON_SIGN_IN_FAILED:
            raise CommandFailure("The password is wrong.", Exit.SIGN_IN) from error
        if error.reason == reason_pb2.ERROR_REASON_SECOND_FACTOR_WRONG:
            raise CommandFailure(f"{error}.".capitalize(), Exit.SIGN_IN) from error
        raise
