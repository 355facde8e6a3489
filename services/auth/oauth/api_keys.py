"""Keys of partners: made by staff, exchanged for tokens of minutes.

A key is "pmk_", 256 random bits, and a CRC-32 of what stands before it, six characters long: scanners of
source code tell a leaked key from text that looks like one without asking us.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable

from sqlalchemy import Connection

from pulsemesh.auth.v1 import api_key_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.auth.oauth.clients import CLIENT, Client
from services.auth.oauth.failures import TooMany
from services.auth.oauth.machine_tokens import PARTNER_KIND
from services.auth.oauth.store import api_keys as store
from services.auth.oauth.store.api_keys import ApiKey
from services.auth.scopes import UnknownScopes, known_scopes
from services.auth.secret_tokens import fingerprint, new_token
from services.chassis.database import Database
from services.chassis.errors import InvalidField

KEY_PREFIX = "pmk"
MOST_KEYS = 20
MOST_LISTED = 1_000
_DAY_MS = 86_400_000
_DAYS = 365
_SHOWN = 12
_HOUR_MS = 3_600_000
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = 6


def with_checksum(text: str) -> str:
    """A key, with its checksum in base 62."""
    number = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return text + digits


def is_whole(key: str) -> bool:
    """Whether it can be a key: prefix and checksum are right."""
    return key.startswith(f"{KEY_PREFIX}_") and key.isascii() and with_checksum(key[:-_CHECKSUM]) == key


class ApiKeys:
    """The use cases."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def create(self, request: wire.CreateApiKeyRequest) -> tuple[ApiKey, str]:
        """A new key, and the only copy of it; see the contract for repeats.

        Raises:
            InvalidField: a scope does not exist.
            TooMany: the partner has enough keys.
        """
        try:
            scopes = known_scopes(request.scopes)
        except UnknownScopes as error:
            raise InvalidField("scopes", str(error)) from None
        async with self._database.write() as transaction:
            return await transaction.run(self._create, request, scopes)

    def _create(
        self, conn: Connection, request: wire.CreateApiKeyRequest, scopes: frozenset[str]
    ) -> tuple[ApiKey, str]:
        now_ms = self._clock_ms()
        secret = with_checksum(new_token(KEY_PREFIX))
        made = {"key_sha256": fingerprint(secret), "prefix": secret[:_SHOWN]}
        known = store.find_by_request(conn, request.partner, request.request_id)
        if known is not None:
            store.change(conn, known.key_id, **made)
            return dataclasses.replace(known, prefix=secret[:_SHOWN]), secret
        if store.count_good(conn, request.partner, now_ms) >= MOST_KEYS:
            raise TooMany("keys", MOST_KEYS)
        key = ApiKey(
            key_id=new_ulid(now_ms),
            key_sha256=fingerprint(secret),
            partner=request.partner,
            name=" ".join(request.name.split()),
            prefix=secret[:_SHOWN],
            scopes=scopes,
            request_id=request.request_id,
            created_ms=now_ms,
            expires_ms=now_ms + (request.days or _DAYS) * _DAY_MS,
            revoked_ms=None,
            used_ms=None,
        )
        store.add(conn, key)
        return key, secret

    async def of_partner(self, partner: str) -> list[ApiKey]:
        """The keys of a partner, or of all."""
        async with self._database.read() as view:
            return await view.run(store.of_partner, partner, MOST_LISTED)

    async def revoke(self, key_id: str) -> bool:
        """Void a key; False when there is none."""
        async with self._database.write() as transaction:
            return await transaction.run(self._revoke, key_id)

    def _revoke(self, conn: Connection, key_id: str) -> bool:
        key = store.find(conn, key_id)
        if key is not None and key.revoked_ms is None:
            store.change(conn, key_id, revoked_ms=self._clock_ms())
        return key is not None

    async def note_use(self, key_id: str) -> None:
        """A key got a token; kept to the hour."""
        async with self._database.write() as transaction:
            await transaction.run(self._note_use, key_id)

    def _note_use(self, conn: Connection, key_id: str) -> None:
        hour_ms = self._clock_ms() // _HOUR_MS * _HOUR_MS
        key = store.find(conn, key_id)
        if key is not None and (key.used_ms or 0) < hour_ms:
            store.change(conn, key_id, used_ms=hour_ms)


def client_of_key(key: ApiKey, now_ms: int) -> Client:
    """A key as the endpoints know programs: its id and the key are the client's credentials."""
    return Client(
        client_id=key.key_id,
        name=key.partner,
        kind=PARTNER_KIND,
        grants=frozenset({CLIENT}),
        scopes=key.scopes,
        confidential=True,
        secrets_sha256=(key.key_sha256,),
        suspended=not key.good(now_ms),
    )
