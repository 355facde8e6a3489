"""Following a recomputation until it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from pulsemesh.workout.v1 import athlete_pb2
from services.chassis.database import Database
from services.chassis.errors import NotFound, ShuttingDown
from services.workout.analysis import queue, recomputations

LOOK_AGAIN_S = 1.0
"""Seconds between looks for what other processes settled; one's own settling is seen at once."""

SHORTEST_S = 0.1
"""Between two messages."""


class RecomputationNotFound(NotFound):
    """The caller has no recomputation of that id."""

    def __init__(self, recomputation_id: str) -> None:
        super().__init__("recomputation", recomputation_id)


async def follow(
    database: Database, user_id: str, recomputation_id: str, draining: asyncio.Event
) -> AsyncIterator[athlete_pb2.Recomputation]:
    """Yield how far it is, whenever that changed; ends after the message that says finished.

    Raises:
        RecomputationNotFound: there is none of that id.
        ShuttingDown: the server goes away; watch again.
    """
    settled = asyncio.Event()
    unsubscribe = database.on_signal(queue.SETTLED, settled.set)
    last: athlete_pb2.Recomputation | None = None
    try:
        while True:
            settled.clear()
            async with database.read() as view:
                now = await view.run(recomputations.progress, user_id, recomputation_id)
            if now is None:
                raise RecomputationNotFound(recomputation_id)
            if now != last:
                yield now
                last = now
            if now.finished:
                return
            if draining.is_set():
                raise ShuttingDown
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await settled.wait()
            await asyncio.sleep(SHORTEST_S)
    finally:
        unsubscribe()
