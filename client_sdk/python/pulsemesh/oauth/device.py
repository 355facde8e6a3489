"""Signing in on a machine without a browser (RFC 8628): it shows a code, its owner confirms it elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pulsemesh.credentials import SessionTokens
from pulsemesh.oauth.errors import LoginDenied, LoginExpired, OAuthFailure, OAuthUnreachable
from pulsemesh.oauth.http import OAuthHttp

__all__ = ["DeviceLogin", "ShownCode", "begin_device_login"]

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SLOW_DOWN_S = 5.0
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What a person is shown."""

    user_code: str
    verification_uri: str
    """Where the code is typed."""
    verification_uri_complete: str
    """The same with the code in it, to be shown as a picture; empty where there is none."""
    expires_in_s: float


class DeviceLogin:
    """One attempt to sign in, which waits for somebody to confirm its code."""

    def __init__(
        self,
        server: OAuthHttp,
        client_id: str,
        token_endpoint: str,
        begun: Mapping[str, Any],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._client_id = client_id
        self._token_endpoint = token_endpoint
        self._sleep = sleep
        self._clock_s = clock_s
        try:
            self._device_code = str(begun["device_code"])
            self._interval_s = max(float(begun.get("interval", 5)), 0.1)
            self.shown = ShownCode(
                user_code=str(begun["user_code"]),
                verification_uri=str(begun["verification_uri"]),
                verification_uri_complete=str(begun.get("verification_uri_complete", "")),
                expires_in_s=float(begun["expires_in"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise OAuthFailure(f"the server's answer lacks {error}") from error
        self._ends_s = clock_s() + self.shown.expires_in_s

    async def tokens(self) -> SessionTokens:
        """Ask until somebody has decided, as often as the server wants to be asked.

        Raises `LoginDenied`, `LoginExpired`, or `OAuthFailure` for what no waiting mends.
        """
        pause_s = self._interval_s
        while self._clock_s() + pause_s < self._ends_s:
            await self._sleep(pause_s)
            try:
                return _tokens(await self._ask())
            except OAuthUnreachable:
                # RFC 8628, section 3.5: less and less often while there is no answer.
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            except OAuthFailure as failure:
                self._judge(failure)
            pause_s = self._interval_s
        raise LoginExpired

    async def _ask(self) -> Mapping[str, Any]:
        form = {"grant_type": _GRANT, "client_id": self._client_id, "device_code": self._device_code}
        return await self._server.post(self._token_endpoint, form)

    def _judge(self, failure: OAuthFailure) -> None:
        match failure.error:
            case "authorization_pending":
                return
            case "slow_down":
                self._interval_s += _SLOW_DOWN_S
            case "access_denied":
                raise LoginDenied from failure
            case "expired_token":
                raise LoginExpired from failure
            case _:
                raise failure


async def begin_device_login(
    server: OAuthHttp,
    client_id: str,
    *,
    device_name: str = "",
    scopes: Iterable[str] = (),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> DeviceLogin:
    """Ask for a code to be shown. No scopes means all that this program may have.

    Raises `OAuthFailure` where the server refuses, `OAuthUnreachable` where there is none.
    """
    metadata = await server.metadata()
    try:
        endpoint, token_endpoint = metadata["device_authorization_endpoint"], metadata["token_endpoint"]
    except KeyError as missing:
        raise OAuthFailure(f"{server.issuer} has no {missing}") from missing
    form = {"client_id": client_id, "device_name": device_name[:80], "scope": " ".join(scopes)}
    begun = await server.post(str(endpoint), {name: value for name, value in form.items() if value})
    return DeviceLogin(server, client_id, str(token_endpoint), begun, sleep=sleep)


def _tokens(answer: Mapping[str, Any]) -> SessionTokens:
    now_s = time.time()
    try:
        return SessionTokens(
            str(answer["access_token"]),
            now_s + float(answer["expires_in"]),
            str(answer["refresh_token"]),
            now_s + float(answer["refresh_expires_in"]),
            str(answer["sub"]),
            str(answer["sid"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OAuthFailure(f"the server's answer lacks {error}") from error
