"""Fetching what a provider publishes of itself: its discovery document and its keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc.jwk import KeySet

from services.auth.federation.errors import ProviderUnavailable
from services.auth.sign_in_settings import ProviderSettings, is_safe_url

KEEP_S = 3600.0
REFETCH_PAUSE_S = 30.0
"""An unknown key makes us look once more, but strangers do not make us look all the time."""
MAX_BYTES = 1_000_000
TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of a discovery document that we use."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    sends_iss: bool
    secret_in_body: bool


async def fetch(client: httpx.AsyncClient, request: httpx.Request, name: str) -> tuple[int, Any]:
    """The status and the JSON of an answer: bounded, and from where we asked: no redirect is followed.

    Raises:
        ProviderUnavailable: there is none, or it is not JSON.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise ProviderUnavailable(name, "its answer is too long")
            finally:
                await response.aclose()
        return response.status_code, json.loads(body)
    except (httpx.HTTPError, TimeoutError) as error:
        raise ProviderUnavailable(name, type(error).__name__) from None
    except (ValueError, RecursionError):
        raise ProviderUnavailable(name, "its answer is not JSON") from None


class PublishedByProvider:
    """Discovery document and keys of one provider, kept for an hour."""

    def __init__(
        self,
        settings: ProviderSettings,
        client: httpx.AsyncClient,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._client = client
        self._monotonic_s = monotonic_s
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._turn = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """What the provider says of itself.

        Raises:
            ProviderUnavailable: it does not, or not as the provider whom the settings name.
        """
        async with self._turn:
            kept, now_s = self._metadata, self._monotonic_s()
            if kept is None or now_s - kept[0] > KEEP_S:
                kept = self._metadata = (now_s, await self._discover())
            return kept[1]

    async def keys(self, *, without: str | None = None) -> KeySet:
        """The provider's public keys.

        Args:
            without: a key id that the kept ones lack: they are fetched again, unless that was done just now.

        Raises:
            ProviderUnavailable: they cannot be had.
        """
        jwks_uri = (await self.metadata()).jwks_uri
        async with self._turn:
            kept, now_s = self._keys, self._monotonic_s()
            age_s = KEEP_S + 1 if kept is None else now_s - kept[0]
            missing = kept is not None and without is not None and not _has(kept[1], without)
            if kept is None or age_s > KEEP_S or (missing and age_s > REFETCH_PAUSE_S):
                kept = self._keys = (now_s, await self._fetch_keys(jwks_uri))
            return kept[1]

    async def _discover(self) -> Metadata:
        settings = self._settings
        url = f"{settings.issuer_url.rstrip('/')}/.well-known/openid-configuration"
        status, document = await fetch(
            self._client, self._client.build_request("GET", url), settings.shown_title
        )
        if status != 200 or not isinstance(document, Mapping):
            raise ProviderUnavailable(settings.shown_title, f"its discovery document answers {status}")
        # OpenID Connect Discovery, section 4.3: or somebody else answers for it.
        if document.get("issuer") != settings.issuer_url:
            raise ProviderUnavailable(settings.shown_title, "its discovery document is another issuer's")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        addresses = {name: document.get(name) for name in names}
        for name, address in addresses.items():
            if not isinstance(address, str) or not is_safe_url(address):
                raise ProviderUnavailable(settings.shown_title, f"its {name} is no https address")
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Metadata(
            **{name: str(address) for name, address in addresses.items()},
            sends_iss=document.get("authorization_response_iss_parameter_supported") is True,
            secret_in_body="client_secret_basic" not in methods,
        )

    async def _fetch_keys(self, jwks_uri: str) -> KeySet:
        title = self._settings.shown_title
        status, document = await fetch(self._client, self._client.build_request("GET", jwks_uri), title)
        listed = document.get("keys") if isinstance(document, Mapping) else None
        if status != 200 or not isinstance(listed, list):
            raise ProviderUnavailable(title, f"its keys answer {status}")
        return key_set(listed)


def key_set(listed: list[Any]) -> KeySet:
    """The public signature keys among those that a provider lists; what we do not know is passed over.

    Symmetric keys are none of them: what everybody can read signs nothing.
    """
    keys = []
    for each in listed:
        if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if each.get("use", "sig") != "sig" or "d" in each:
            continue
        try:
            keys.extend(KeySet.import_key_set({"keys": [each]}).keys)
        except Exception:  # one broken key of a stranger does not spoil the others
            continue
    return KeySet(keys)


def _has(keys: KeySet, key_id: str) -> bool:
    return any(key.kid == key_id for key in keys.keys)
