"""`pulsemesh device`: letting in what shows a code; and signing this machine in by one."""

from __future__ import annotations

import click

from pulsemesh import errors
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_json_line
from pulsemesh.cli.options import json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.credentials import SessionTokens
from pulsemesh.oauth import OAuthFailure, OAuthUnreachable, begin_device_login
from pulsemesh.oauth.http import OAuthHttp

__all__ = ["device", "tokens_by_code"]

_UNKNOWN = "No device shows this code now: it is wrong, used, or out of date."


async def tokens_by_code(session: Session, *, client_id: str, device_name: str) -> SessionTokens:
    """Return the tokens of somebody who confirms a code elsewhere. Raises `CommandFailure`."""
    try:
        async with session.client(anonymous=True) as client:
            issuer = await client.devices.authorization_server()
        login = await begin_device_login(OAuthHttp(issuer), client_id, device_name=device_name)
        shown = login.shown
        click.echo(f"Confirm the code {shown.user_code} at {shown.verification_uri}", err=True)
        return await login.tokens()
    except errors.Unimplemented as error:
        raise CommandFailure(
            f"The platform at {session.target} lets nobody in by code.",
            Exit.SIGN_IN,
            hint="pulsemesh login EMAIL",
        ) from error
    except OAuthUnreachable as error:
        raise CommandFailure(f"{error}.", Exit.UNAVAILABLE) from error
    except OAuthFailure as error:
        raise CommandFailure(f"You were not signed in: {error}.", Exit.SIGN_IN) from error


@click.group()
def device() -> None:
    """Let in devices that show a code, such as sensor gateways."""


@device.command()
@click.argument("code")
@json_option
@command
async def show(session: Session, *, code: str) -> None:
    """Show what the device with this CODE asks for."""
    async with session.client() as client:
        try:
            pending = await client.devices.pending(code)
        except errors.NotFound as error:
            raise CommandFailure(_UNKNOWN, Exit.NOT_FOUND) from error
    if session.as_json:
        document = {
            "app": pending.app_name,
            "client_id": pending.client_id,
            "device": pending.device_name,
            "place": pending.place,
            "scopes": [each.scope for each in pending.scopes],
        }
        click.echo(as_json_line(document))
        return
    click.echo(
        f"{pending.app_name}, which calls itself {pending.device_name!r}, from {pending.place}, asks to:"
    )
    for each in pending.scopes:
        click.echo(f"  - {each.text} ({each.scope})")


@device.command()
@click.argument("code")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@command
async def approve(session: Session, *, code: str, yes: bool) -> None:
    """Let in the device with this CODE. Do so only if you began this yourself, on a device of yours."""
    async with session.client() as client:
        try:
            pending = await client.devices.pending(code)
            if not (yes or session.as_json):
                scopes = "; ".join(each.text for each in pending.scopes)
                click.echo(f"{pending.app_name}, which calls itself {pending.device_name!r}: {scopes}.")
                click.confirm("Is this your device, and did you begin this yourself?", abort=True)
            await client.devices.approve(code)
        except errors.NotFound as error:
            raise CommandFailure(_UNKNOWN, Exit.NOT_FOUND) from error
    if session.as_json:
        click.echo(as_json_line({"approved": True, "client_id": pending.client_id}))
    else:
        click.echo(f"{pending.app_name} is let in.")


@device.command()
@click.argument("code")
@json_option
@command
async def deny(session: Session, *, code: str) -> None:
    """Turn away the device with this CODE."""
    async with session.client() as client:
        try:
            await client.devices.deny(code)
        except errors.NotFound as error:
            raise CommandFailure(_UNKNOWN, Exit.NOT_FOUND) from error
    click.echo(as_json_line({"denied": True}) if session.as_json else "The device is turned away.")
