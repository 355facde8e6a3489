"""Ending tasks for certain.

A library may swallow a cancellation that arrives while its own timeout or clean-up is under way; seen with
redis-py, whose caller then goes on as if nothing had been asked. Whoever awaits such a task waits for ever.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

AGAIN_AFTER_S = 1.0


async def end_tasks(*tasks: asyncio.Task[Any], patience_s: float | None = None) -> list[asyncio.Task[Any]]:
    """Cancel `tasks`, again and again, until they have ended; what they ended with is of no interest.

    Args:
        patience_s: after so many seconds those that resist are left and returned; None waits for all.
    """
    loop = asyncio.get_running_loop()
    deadline = math.inf if patience_s is None else loop.time() + patience_s
    pending = {task for task in tasks if not task.done()}
    while pending and (left_s := deadline - loop.time()) > 0:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=min(AGAIN_AFTER_S, left_s))
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # marks it as seen
    return list(pending)
