"""`pulsemesh 2fa`: the second proof that is asked for when one signs in."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.cli.formats import as_dict, as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.parts.second_factors import owner_proof

__all__ = ["ask_code", "second_factors"]

_code_option = click.option(
    "--code", default="", help="Of your app, or a recovery code; asked for where it is not given."
)
_password_option = click.option(
    "--password", envvar="PULSEMESH_PASSWORD", default="", help="For an account without a second factor."
)


@click.group("2fa")
def second_factors() -> None:
    """The second proof that is asked for when you sign in: an app for codes, and recovery codes."""


def ask_code(given: str = "") -> dict[str, str]:
    """Return what was typed as the argument that it is: six digits are an app's, others recover."""
    code = (given or click.prompt("Code of your app, or a recovery code")).strip().replace(" ", "")
    return {"totp_code": code} if code.isdigit() and len(code) == 6 else {"recovery_code": code}


@second_factors.command("show")
@json_option
@command
async def show(session: Session) -> None:
    """Show what is set up, and how many recovery codes are left."""
    async with session.client() as client:
        held = await client.second_factors.get()
    if session.as_json:
        click.echo(as_json_line(as_dict(held)))
        return
    click.echo("A second proof is asked for." if held.required else "A password alone signs in.")
    click.echo(f"App for codes: {'yes' if held.totp else 'no'}")
    click.echo(f"Passkeys: {held.passkeys}{', required' if held.passkey_required else ''}")
    click.echo(f"Recovery codes left: {held.recovery_codes_left}")


@second_factors.command("on")
@_password_option
@_code_option
@json_option
@command
async def turn_on(session: Session, *, password: str, code: str) -> None:
    """Set up an app for codes: add the address to it, then type the code that it shows."""
    async with session.client() as client:
        held = await client.second_factors.get()
        begun = await client.second_factors.begin_totp(_proof(held.required, password, code))
        click.echo(f"Add this to your app:\n\n  {begun.otpauth_uri}\n\nor type its secret: {begun.secret}\n")
        shown = click.prompt("The code that the app shows")
        codes = await client.second_factors.confirm_totp(shown.strip().replace(" ", ""))
    _show_codes(session, codes, "A second proof is asked for from now on.")


@second_factors.command("off")
@_code_option
@json_option
@command
async def turn_off(session: Session, *, code: str) -> None:
    """Forget the app for codes."""
    async with session.client() as client:
        held = await client.second_factors.disable_totp(owner_proof(**ask_code(code)))
    if session.as_json:
        click.echo(as_json_line(as_dict(held)))
    else:
        click.echo("The app is forgotten." + (" Passkeys are asked for still." if held.required else ""))


@second_factors.command("codes")
@_code_option
@json_option
@command
async def regenerate(session: Session, *, code: str) -> None:
    """Make other recovery codes; the earlier ones are void."""
    async with session.client() as client:
        codes = await client.second_factors.regenerate_recovery_codes(owner_proof(**ask_code(code)))
    _show_codes(session, codes, "The earlier recovery codes are void.")


def _proof(required: bool, password: str, code: str) -> OwnerProof:
    if required:
        return owner_proof(**ask_code(code))
    return owner_proof(password=password or click.prompt("Password", hide_input=True))


def _show_codes(session: Session, codes: Sequence[str], done: str) -> None:
    if session.as_json:
        click.echo(as_json_line({"recovery_codes": list(codes)}))
        return
    click.echo(done)
    if codes:
        click.echo("Recovery codes, each good once. Keep them where your phone is not:\n")
        click.echo("\n".join(f"  {code}" for code in codes))
