from __future__ import annotations

import asyncio
import contextlib

from services.chassis import cancellation
from services.chassis.cancellation import end_tasks


async def deaf(times: int) -> None:
    """Swallows the first cancellations, as a library does whose own timeout is just ending."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
    await asyncio.sleep(3600)


async def failing() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        raise RuntimeError("at the end")


async def started(*coroutines: object) -> list[asyncio.Task[None]]:
    tasks = [asyncio.ensure_future(one) for one in coroutines]  # type: ignore[call-overload]
    await asyncio.sleep(0)
    return tasks


async def test_a_task_that_swallows_its_cancellation_is_ended_all_the_same(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(cancellation, "AGAIN_AFTER_S", 0.01)
    tasks = await started(deaf(3), deaf(0))
    assert await end_tasks(*tasks) == []
    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_fails_while_it_ends_has_ended() -> None:
    tasks = await started(failing())
    assert await end_tasks(*tasks) == []


async def test_a_task_that_resists_for_too_long_is_left_and_named() -> None:
    [task] = await started(deaf(1))
    assert await end_tasks(task, patience_s=0.05) == [task]
    assert await end_tasks(task) == []


async def test_ending_nothing_returns_at_once() -> None:
    assert await end_tasks() == []
