"""Background tasks that are looked after: started, restarted when they fail, ended in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from services.chassis.bus.port import BusUnavailable
from services.chassis.cancellation import end_tasks
from services.chassis.database import StoreUnavailable

FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A task that ran for so long starts again with the shortest pause."""

_log = structlog.get_logger(__name__)


class Supervisor:
    """Runs tasks until `stop`; one that fails is logged and started again after a growing pause."""

    def __init__(self, *, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._first_pause_s = first_pause_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._restarts: dict[str, int] = {}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each task was started again, for metrics and health."""
        return dict(self._restarts)

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run `run()`, which ends by returning (it is then done) or is cancelled by `stop`.

        Raises:
            ValueError: a task of this name runs already.
        """
        if name in self._tasks and not self._tasks[name].done():
            raise ValueError(f"a background task {name!r} runs already")
        self._restarts.setdefault(name, 0)
        self._tasks[name] = asyncio.create_task(self._supervise(name, run), name=name)

    def start_periodic(self, name: str, every_s: float, step: Callable[[], Awaitable[object]]) -> None:
        """Run `step()` again and again, each time about `every_s` seconds after the last one ended."""

        async def run() -> None:
            while True:
                await asyncio.sleep(every_s * random.uniform(0.9, 1.1))
                await step()

        self.start(name, run)

    async def stop(self, patience_s: float = 10.0) -> None:
        """Cancel all tasks and wait for their end; one that resists for `patience_s` is left and named."""
        for task in await end_tasks(*self._tasks.values(), patience_s=patience_s):
            _log.error("background_task_does_not_end", task=task.get_name())
        self._tasks.clear()

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began_s = loop.time()
            try:
                await run()
                _log.info("background_task_done", task=name)
                return
            except Exception as error:
                failures = 1 if loop.time() - began_s > HEALTHY_AFTER_S else failures + 1
                self._restarts[name] += 1
                pause = self._pause_s(failures)
                if isinstance(error, StoreUnavailable | BusUnavailable):
                    # It passes, and where it was met says nothing about why: no trace.
                    _log.warning(
                        "background_task_waits", task=name, reason=str(error), restart_in_s=round(pause, 2)
                    )
                else:
                    _log.exception("background_task_failed", task=name, restart_in_s=round(pause, 2))
                await asyncio.sleep(pause)

    def _pause_s(self, failures: int) -> float:
        return min(self._first_pause_s * 2.0 ** min(failures - 1, 20), MAX_PAUSE_S) * random.uniform(
            0.75, 1.25
        )
