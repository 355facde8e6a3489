"""Verifying JSON Web Tokens against a published key set (RFC 7515, 7517, 7519; Ed25519 by RFC 9864)."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth.principal import Principal
from services.chassis.errors import Unauthenticated, Unavailable

ALGORITHMS = ["Ed25519", "ES256"]
AUDIENCE = "pulsemesh"
MAX_TOKEN_BYTES = 8_192
REFRESH_PAUSE_S = 5.0
"""An unknown key id makes us look for new keys, at most this often: forged ids must not become a flood."""

KINDS: Mapping[str, Access.ValueType] = {
    "user": Access.ACCESS_USER,
    "device": Access.ACCESS_DEVICE,
    "service": Access.ACCESS_SERVICE,
    "staff": Access.ACCESS_STAFF,
}
"""The claim `kind` to the kind of caller."""


class KeySource(Protocol):
    """Where the key set is published."""

    async def fetch(self) -> bytes:
        """The JSON of the key set now.

        Raises:
            OSError: it cannot be had.
        """
        ...


class FileKeys:
    """A key set in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self) -> bytes:
        """See `KeySource.fetch`."""
        return await asyncio.to_thread(self._path.read_bytes)


class HttpKeys:
    """A key set at an https address (http on loopback, for tests)."""

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        if not url.startswith(("https://", "http://127.0.0.1:", "http://[::1]:", "http://localhost:")):
            raise ValueError("keys are fetched over https, or over http from loopback only")
        self._url = url
        self._timeout_s = timeout_s

    async def fetch(self) -> bytes:
        """See `KeySource.fetch`."""
        return await asyncio.to_thread(self._get)

    def _get(self) -> bytes:
        with urllib.request.urlopen(self._url, timeout=self._timeout_s) as response:
            body: bytes = response.read(1 << 20)
            return body


class SeveralKeys:
    """The union of key sets; one that cannot be had now is left out, unless none can."""

    def __init__(self, *sources: KeySource) -> None:
        self._sources = sources

    async def fetch(self) -> bytes:
        """See `KeySource.fetch`."""
        keys: list[object] = []
        failures: list[Exception] = []
        for source in self._sources:
            try:
                keys += json.loads(await source.fetch())["keys"]
            except (OSError, ValueError, KeyError) as error:
                failures.append(error)
        if len(failures) == len(self._sources):
            raise OSError("none of the key sets can be had") from failures[0]
        return json.dumps({"keys": keys}).encode()


class JwksAuthenticator:
    """The `Authenticator` over a key set; fetched on first use and again when an unknown key id comes."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str = AUDIENCE,
        leeway_s: int = 30,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            keys: where the key set is.
            issuer: the only `iss` that is believed.
            audience: must be in `aud`.
            leeway_s: seconds by which the issuer's clock may differ from ours.
            clock_s: seconds since 1970.
        """
        self._source = keys
        self._issuer = issuer
        self._audience = audience
        self._leeway_s = leeway_s
        self._clock_s = clock_s
        self._keys: KeySet | None = None
        self._key_ids: frozenset[str] = frozenset()
        self._fetched_at_s = float("-inf")
        self._fetching = asyncio.Lock()

    async def authenticate(self, token: str) -> Principal:
        """See `Authenticator.authenticate`."""
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated("the access token is too long")
        keys = await self._keys_for(_key_id(token))
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims_registry().validate(claims)
        except ExpiredTokenError:
            raise Unauthenticated(
                "the access token has expired", ErrorReason.ERROR_REASON_CREDENTIALS_EXPIRED
            ) from None
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError):
            raise Unauthenticated from None
        try:
            return _principal(claims, _domain_of(claims["aud"], self._audience), self._leeway_s)
        except (ValueError, TypeError, OverflowError):
            raise Unauthenticated("the access token holds claims of wrong types") from None

    def _claims_registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock_s()),
            leeway=self._leeway_s,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True},
            sub={"essential": True},
            exp={"essential": True},
            kind={"essential": True},
        )

    async def _keys_for(self, key_id: str) -> KeySet:
        if self._keys is None or key_id not in self._key_ids:
            async with self._fetching:
                await self._refresh(key_id)
        if self._keys is None:
            raise Unavailable(
                2.0,
                "the keys that prove an access token cannot be had now",
                ErrorReason.ERROR_REASON_STORE_UNAVAILABLE,
            )
        if key_id not in self._key_ids:
            raise Unauthenticated("the access token was signed by an unknown key")
        return self._keys

    async def _refresh(self, key_id: str) -> None:
        if self._keys is not None and (
            key_id in self._key_ids or self._clock_s() - self._fetched_at_s < REFRESH_PAUSE_S
        ):
            return
        try:
            document = json.loads(await self._source.fetch())
            keys = KeySet.import_key_set(document)
        except (OSError, ValueError, JoseError):
            return  # what we have stays good; without any, the caller is told to come back
        self._keys = keys
        self._key_ids = frozenset(key.kid for key in keys.keys if key.kid)
        self._fetched_at_s = self._clock_s()


def _key_id(token: str) -> str:
    from joserfc.jws import extract_compact  # noqa: PLC0415

    try:
        key_id = extract_compact(token.encode("ascii")).headers().get("kid")
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("the access token is malformed") from None
    if not isinstance(key_id, str):
        raise Unauthenticated("the access token names no key")
    return key_id


def _domain_of(audience: Any, everywhere: str) -> str:
    """The domain at which a token holds: empty for all, of "pulsemesh:workout" the one that it names.

    Raises:
        Unauthenticated: it is for somebody else.
    """
    named = [audience] if isinstance(audience, str) else list(audience)
    if everywhere in named:
        return ""
    prefix = f"{everywhere}:"
    narrowed = [one for one in named if isinstance(one, str) and one.startswith(prefix)]
    if len(narrowed) != 1 or narrowed == [prefix]:
        raise Unauthenticated("the access token is for somebody else")
    return narrowed[0].removeprefix(prefix)


def _actor(claims: Mapping[str, Any]) -> str:
    """The service that acts, of a token for a person (RFC 8693); empty of any other token."""
    actor = claims.get("act")
    subject = actor.get("sub") if isinstance(actor, dict) else None
    return subject if isinstance(subject, str) else ""


def _principal(claims: Mapping[str, Any], audience: str, leeway_s: int) -> Principal:
    kind = KINDS.get(str(claims["kind"]))
    subject = claims["sub"]
    if kind is None or not isinstance(subject, str) or not subject:
        raise Unauthenticated("the access token is of an unknown kind")
    service = kind == Access.ACCESS_SERVICE
    actor = _actor(claims)
    if actor and not service:
        raise Unauthenticated("only a service acts for somebody")
    return Principal(
        user_id="" if service and not actor else subject,
        kind=kind,
        scopes=frozenset(str(claims.get("scope", "")).split()),
        client_id=actor or (subject if service else str(claims.get("client_id", ""))),
        roles=frozenset(str(role) for role in claims.get("roles", ())),
        expires_at_s=float(claims["exp"]) + leeway_s,
        session_id=str(claims.get("sid", "")),
        issued_at_s=float(claims.get("iat", 0)),
        authenticated_at_s=float(claims.get("auth_time", 0)),
        methods=frozenset(str(method) for method in claims.get("amr", ())),
        audience=audience,
    )
