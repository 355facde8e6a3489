"""Running a domain's background work for as long as the process serves."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def run_in_background(name: str, run: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    """Run `run` while the block lasts; when it raises, log it and run it again after a growing pause."""
    task = asyncio.create_task(_keep_running(name, run), name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    failures = 0
    while True:
        try:
            await run()
        except Exception:
            failures += 1
            pause_s = min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_S)
            _log.exception("background_task_failed", task=name, pause_s=pause_s)
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.25))
        else:
            return
