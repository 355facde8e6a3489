"""The keys that sign access tokens: in the database, rotated with overlap.

A key is published before it signs, so that every verifier has it by then, and it stays published until its
last token has expired. Each process keeps the keys in memory and looks for new ones now and then.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from joserfc.jwk import ECKey
from sqlalchemy import Connection

from services.auth.store import keys as store
from services.auth.store.keys import KeyRow
from services.auth.tokens import ALGORITHM
from services.auth.vault import Vault
from services.chassis.database import Database

LOOK_EVERY_S = 20.0
MARGIN_MS = 300_000
"""Clocks differ, and requests take a while: a key stays published for so long beyond its last token."""
_LABEL = "signing key"

_log = structlog.get_logger(__name__)


class NoSigningKey(RuntimeError):
    """The keys were not loaded yet."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When keys follow each other, in milliseconds.

    Attributes:
        every_ms: how long a key signs.
        ahead_ms: for how long it is published before.
        token_ms: the longest that a token lives.
    """

    every_ms: int
    ahead_ms: int
    token_ms: int


class Keyring:
    """The `SigningKeys` of this process, and the published set."""

    def __init__(
        self, database: Database, vault: Vault, clock_ms: Callable[[], int], rotation: Rotation
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock_ms = clock_ms
        self._rotation = rotation
        self._rows: Sequence[KeyRow] = ()
        self._keys: dict[str, ECKey] = {}

    def signing_key(self) -> ECKey:
        """See `SigningKeys.signing_key`: the latest key whose time has come.

        Raises:
            NoSigningKey: see there.
        """
        now_ms = self._clock_ms()
        for row in reversed(self._rows):
            if row.signs_from_ms <= now_ms:
                return self._keys[row.key_id]
        raise NoSigningKey("no key signs yet")

    def public_set(self) -> bytes:
        """The JSON Web Key Set of every key that proves something now or soon."""
        now_ms = self._clock_ms()
        published = [row for row in self._rows if row.gone_ms is None or row.gone_ms > now_ms]
        return json.dumps({"keys": [json.loads(row.public_key) for row in published]}).encode()

    @property
    def rows(self) -> Sequence[KeyRow]:
        """What is known of the keys, in the order in which they sign."""
        return self._rows

    async def load(self) -> None:
        """Read the keys; makes the first one, and the next when it is due.

        Raises:
            SealBroken: the key-encryption key is not the one under which they were kept.
        """
        async with self._database.read() as view:
            rows = await view.run(store.all_keys)
        if due(rows, self._rotation, self._clock_ms()):
            async with self._database.write() as transaction:
                rows = await transaction.run(self._add_when_due)
        self._take(rows)

    async def rotate(self) -> KeyRow:
        """Publish a new key now, whatever the calendar says; it signs after the usual delay."""
        async with self._database.write() as transaction:
            rows = await transaction.run(self._add)
        self._take(rows)
        return self._rows[-1]

    def _take(self, rows: Sequence[KeyRow]) -> None:
        self._keys = {row.key_id: self._keys.get(row.key_id) or self._open(row) for row in rows}
        self._rows = rows

    def _open(self, row: KeyRow) -> ECKey:
        return ECKey.import_key(json.loads(self._vault.open(_LABEL, row.private_key)))

    def _add_when_due(self, conn: Connection) -> list[KeyRow]:
        rows = store.lock_all_keys(conn)
        if not due(rows, self._rotation, self._clock_ms()):
            return rows  # another process was first
        return self._add(conn)

    def _add(self, conn: Connection) -> list[KeyRow]:
        now_ms = self._clock_ms()
        rows = store.lock_all_keys(conn)
        signs_from_ms = now_ms + self._rotation.ahead_ms if rows else now_ms
        store.set_gone(conn, signs_from_ms + self._rotation.token_ms + MARGIN_MS)
        store.forget(conn, now_ms)
        row = self._new(now_ms, signs_from_ms)
        store.add(conn, row)
        _log.info("signing_key_made", key_id=row.key_id, signs_from_ms=signs_from_ms)
        return store.all_keys(conn)

    def _new(self, now_ms: int, signs_from_ms: int) -> KeyRow:
        key = ECKey.generate_key("P-256", auto_kid=True)
        marks = {"kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}
        public = {**key.as_dict(private=False), **marks}
        private = {**key.as_dict(private=True), **marks}
        sealed = self._vault.seal(_LABEL, json.dumps(private).encode())
        return KeyRow(str(marks["kid"]), json.dumps(public), sealed, now_ms, signs_from_ms, None)


def due(rows: Sequence[KeyRow], rotation: Rotation, now_ms: int) -> bool:
    """Whether the next key must be published now, so that it signs when the present one's time is over."""
    return not rows or now_ms >= rows[-1].signs_from_ms + rotation.every_ms - rotation.ahead_ms


class KeyKeeper:
    """A background task of the host: new keys are seen, and made when they are due."""

    name = "signing keys"

    def __init__(self, keyring: Keyring, every_s: float = LOOK_EVERY_S) -> None:
        self._keyring = keyring
        self._every_s = every_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self._keyring.load()
