"""The platform as this gateway reaches it: its address, and the token that goes with each call."""

from __future__ import annotations

from ingest_edge.settings import EdgeSettings, SettingsError
from ingest_edge.uplink.sign_in import KeptSignIn, SignInFile
from pulsemesh.client import Client, connect
from pulsemesh.credentials import Anonymous, Credentials, StaticToken, TokenFile, TokenProvider
from pulsemesh.target import Tls


def connect_platform(settings: EdgeSettings) -> Client:
    """A client for the platform that the settings name; it connects with its first call.

    Raises:
        SettingsError: the address or a certificate cannot be used.
    """
    try:
        return connect(settings.target, _credentials(settings), tls=_tls(settings))
    except (ValueError, OSError) as error:
        raise SettingsError(f"cannot use the platform {settings.target!r}: {error}") from error


def connect_anonymously(settings: EdgeSettings) -> Client:
    """A client without credentials, for signing in and out.

    Raises:
        SettingsError: as above.
    """
    try:
        return connect(settings.target, tls=_tls(settings))
    except (ValueError, OSError) as error:
        raise SettingsError(f"cannot use the platform {settings.target!r}: {error}") from error


def _credentials(settings: EdgeSettings) -> Credentials:
    if settings.token:
        return StaticToken(settings.token)
    if settings.token_file is not None:
        return TokenFile(settings.token_file)
    if settings.login:
        return TokenProvider(lambda: _development_token(settings))
    keeper = SignInFile(settings.home, settings.target)
    kept = keeper.load()
    return Anonymous() if kept is None else KeptSignIn(kept, keeper)


async def _development_token(settings: EdgeSettings) -> str:
    """A token for a gateway acting for `login`, from the development issuer."""
    async with connect(settings.target, tls=_tls(settings)) as client:
        response = await client.auth.create_token(settings.login, device=True)
    return response.access_token


def _tls(settings: EdgeSettings) -> bool | Tls | None:
    if settings.tls is False:
        return False
    if settings.root_certificates is None:
        return settings.tls
    return Tls(root_certificates=settings.root_certificates.read_bytes())
