"""Supervised tasks: restarted when they fail, ended in order."""

from __future__ import annotations

import asyncio

import pytest

from services.chassis.background import Supervisor
from tests.fixtures.waiting import eventually


async def test_a_failing_task_is_started_again() -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 4:
            raise RuntimeError("again")
        await asyncio.Event().wait()

    supervisor = Supervisor(first_pause_s=0.001)
    supervisor.start("task", run)
    await eventually(lambda: runs == 4)
    assert supervisor.restarts == {"task": 3}
    await supervisor.stop()


async def test_a_task_that_returns_is_done() -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1

    supervisor = Supervisor(first_pause_s=0.001)
    supervisor.start("task", run)
    await eventually(lambda: runs == 1)
    await asyncio.sleep(0.01)
    supervisor.start("task", run)
    await eventually(lambda: runs == 2)
    await supervisor.stop()


async def test_stop_waits_until_tasks_have_tidied_up() -> None:
    tidied = False
    started = asyncio.Event()

    async def run() -> None:
        nonlocal tidied
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            tidied = True

    supervisor = Supervisor()
    supervisor.start("task", run)
    await started.wait()
    await supervisor.stop()
    assert tidied


async def test_a_name_runs_once_at_a_time() -> None:
    supervisor = Supervisor()
    supervisor.start("task", asyncio.Event().wait)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="already"):
        supervisor.start("task", asyncio.Event().wait)  # type: ignore[arg-type]
    await supervisor.stop()


async def test_a_periodic_task_goes_on_after_a_failure() -> None:
    steps = 0

    async def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise RuntimeError("once")

    supervisor = Supervisor(first_pause_s=0.001)
    supervisor.start_periodic("task", 0.001, step)
    await eventually(lambda: steps >= 5)
    await supervisor.stop()
