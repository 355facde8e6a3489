"""A background task that meets an absent store says so in a line and goes on."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from services.chassis.background import Supervisor
from services.chassis.database import StoreUnavailable


async def test_an_absent_store_is_told_without_a_trace() -> None:
    done = asyncio.Event()
    attempts = 0

    async def run() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise StoreUnavailable("nobody listens")
        done.set()

    supervisor = Supervisor()
    with capture_logs() as lines:
        supervisor.start("sweeper", run)
        await asyncio.wait_for(done.wait(), 30)
        await supervisor.stop()
    told = next(line for line in lines if line["event"] == "background_task_waits")
    assert (told["log_level"], told["reason"]) == ("warning", "nobody listens")
    assert not any("exc_info" in line for line in lines)
