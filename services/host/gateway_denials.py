"""Ended sessions, for the gateway: it shuts them out before the services do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc

from services.chassis.auth import Revocation, RevocationList
from services.host.revocations import RevocationFollower

MOST = 5_000
"""Ended sessions that the gateway is told, the latest; the services know all."""


class DeniedSessions(RevocationList):
    """What the auth service says of ended sessions, and that something of it changed."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def apply(self, *revocations: Revocation) -> None:
        """See `RevocationList.apply`."""
        before = set(self._sessions)
        super().apply(*revocations)
        if set(self._sessions) - before:
            self.changed.set()

    def sessions(self) -> tuple[str, ...]:
        """Those whose tokens have not all expired yet."""
        self._forget()
        return tuple(list(self._sessions)[-MOST:])


@contextlib.asynccontextmanager
async def following(denied: DeniedSessions, auth: grpc.aio.Channel | None) -> AsyncIterator[None]:
    """Keep the list up to date until the block ends; None where nobody may ask for it."""
    if auth is None:
        yield
        return
    task = asyncio.create_task(RevocationFollower(auth, denied).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
