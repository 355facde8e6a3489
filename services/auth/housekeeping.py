"""What nobody asks for and somebody must do: ending sessions that were not used, forgetting what is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from services.auth import sessions
from services.auth.federation import store as provider_store
from services.auth.passkeys import store as passkey_store
from services.auth.store import challenges, proofs, revocations, sign_ups, throttles
from services.auth.store import sessions as session_store
from services.auth.throttling import FORGET_AFTER_MS
from services.chassis.database import Database

EVERY_S = 60.0
ROLE = "auth-housekeeping"
_BATCH = 200


class Housekeeping:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "auth housekeeping"

    def __init__(self, database: Database, clock_ms: Callable[[], int], every_s: float = EVERY_S) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._every_s = every_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            async with self._database.leadership(ROLE) as lease:
                if lease is not None:
                    await self.tidy()

    async def tidy(self) -> int:
        """One round; returns how many sessions ended."""
        async with self._database.write() as transaction:
            await transaction.run(_forget, self._clock_ms())
        ended = 0
        while True:
            async with self._database.write() as transaction:
                count = await transaction.run(_end_expired, self._clock_ms())
            ended += count
            if count < _BATCH:
                return ended


def _forget(conn: Connection, now_ms: int) -> None:
    sign_ups.forget(conn, now_ms)
    proofs.forget(conn, now_ms)
    challenges.forget(conn, now_ms)
    revocations.forget(conn, now_ms)
    passkey_store.forget(conn, now_ms)
    provider_store.forget(conn, now_ms)
    throttles.forget(conn, now_ms - FORGET_AFTER_MS)


def _end_expired(conn: Connection, now_ms: int) -> int:
    expired = session_store.expired(conn, now_ms, _BATCH)
    for session_id in expired:
        sessions.end_session(conn, session_id, SessionEndReason.SESSION_END_REASON_EXPIRED, now_ms)
    return len(expired)
