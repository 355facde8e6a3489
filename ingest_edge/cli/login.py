"""`pulsemesh-edge login` and `pulsemesh-edge logout`."""

from __future__ import annotations

import asyncio
import contextlib
import platform

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.running import Edge, unless_stopped
from ingest_edge.settings import SettingsError
from ingest_edge.uplink import PlatformUnreachable
from ingest_edge.uplink.platform import connect_anonymously
from ingest_edge.uplink.sign_in import SignInFile
from pulsemesh.credentials import SessionTokens
from pulsemesh.errors import DeadlineExceeded, Unavailable, Unimplemented
from pulsemesh.oauth import DeviceLogin, OAuthFailure, OAuthUnreachable, begin_device_login
from pulsemesh.oauth.http import OAuthHttp

CLIENT_ID = "pulsemesh-edge"
"""How this program is known to the platform's OAuth 2 server."""


@click.command("login")
@click.option("--name", default="", help="What to call this gateway; by default this machine's name.")
@json_option
@pass_edge
def login_command(edge: EdgeContext, name: str, as_json: bool) -> None:
    """Have this gateway let in: shows a code that its owner confirms in the app or in a browser.

    What the platform gives is kept in the home and renewed by itself; other commands use it from then on.
    """

    async def command(edge: Edge) -> ExitCode:
        return await _login(edge, name or platform.node() or "gateway")

    edge.run(command, as_json=as_json)


async def _login(edge: Edge, name: str) -> ExitCode:
    try:
        login = await _begin(edge, name)
        _show(edge, login)
        got: list[SessionTokens] = []

        async def wait() -> None:
            got.append(await login.tokens())

        if not await unless_stopped(edge, wait()):
            return ExitCode.INTERRUPTED
    except OAuthUnreachable as error:
        raise PlatformUnreachable(str(error)) from error
    except OAuthFailure as error:
        edge.output.problem(f"not let in: {error}")
        return ExitCode.USAGE
    keeper = SignInFile(edge.settings.home, edge.settings.target)
    before = keeper.load()
    await asyncio.to_thread(_put, keeper, got[0])
    if before is not None:
        await _end(edge, before)
    edge.output.event("signed_in", target=edge.settings.target, user_id=got[0].user_id)
    edge.output.line(f"This gateway sends to {edge.settings.target} for {got[0].user_id} from now on.")
    if edge.settings.token or edge.settings.token_file is not None or edge.settings.login:
        edge.output.problem("the settings name a token or a login too, which come first")
    return ExitCode.GOOD


def _put(keeper: SignInFile, tokens: SessionTokens) -> None:
    with keeper.locked():
        keeper.put(tokens)


async def _begin(edge: Edge, name: str) -> DeviceLogin:
    settings = edge.settings
    try:
        async with connect_anonymously(settings) as client:
            issuer = await client.devices.authorization_server()
    except Unimplemented as error:
        raise SettingsError(f"the platform at {settings.target} lets no devices in by code") from error
    except (Unavailable, DeadlineExceeded) as error:
        raise PlatformUnreachable(str(error)) from error
    roots = settings.root_certificates
    server = OAuthHttp(issuer, root_certificates=None if roots is None else roots.read_bytes())
    return await begin_device_login(server, CLIENT_ID, device_name=name)


def _show(edge: Edge, login: DeviceLogin) -> None:
    shown = login.shown
    edge.output.event(
        "confirm",
        user_code=shown.user_code,
        verification_uri=shown.verification_uri,
        verification_uri_complete=shown.verification_uri_complete,
        expires_in_s=shown.expires_in_s,
    )
    edge.output.line(f"Confirm this code within {shown.expires_in_s / 60:.0f} minutes:  {shown.user_code}")
    edge.output.line(f"in a browser:       {shown.verification_uri}")
    edge.output.line(f"on a command line:  pulsemesh device approve {shown.user_code}")


@click.command("logout")
@json_option
@pass_edge
def logout_command(edge: EdgeContext, as_json: bool) -> None:
    """End what `login` began, here and on the platform. What waits in the spool stays.

    To leave nothing of yours on this device, delete its home folder afterwards: PULSEMESH_EDGE_HOME,
    or ~/.config/pulsemesh-edge, and the spool where it lies elsewhere.
    """
    edge.run(_logout, as_json=as_json)


async def _logout(edge: Edge) -> ExitCode:
    keeper = SignInFile(edge.settings.home, edge.settings.target)
    kept = keeper.load()
    if kept is not None:
        await _end(edge, kept)
    gone = await asyncio.to_thread(_remove, keeper)
    edge.output.event("signed_out", target=edge.settings.target, signed_out=gone)
    edge.output.line(
        f"Signed out of {edge.settings.target}."
        if gone
        else f"Nobody was signed in at {edge.settings.target}."
    )
    return ExitCode.GOOD


def _remove(keeper: SignInFile) -> bool:
    with keeper.locked():
        return keeper.remove()


async def _end(edge: Edge, tokens: SessionTokens) -> None:
    """End a session; without a connection it ends by itself in time."""
    async with connect_anonymously(edge.settings) as client:
        with contextlib.suppress(Unavailable, DeadlineExceeded):
            await client.sessions.sign_out(tokens.refresh_token)
