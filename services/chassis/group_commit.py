"""Many small writes, one commit.

A durable commit costs the same for one row as for a thousand. Submitters put their items into a queue; one
task takes what came together within `linger` seconds, applies all of it in one transaction and answers each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection

from services.chassis.cancellation import end_tasks
from services.chassis.database import Database, StoreUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


class CommitterClosed(Exception):
    """`submit` was called after `close`, or `close` gave up on an item that never became durable."""


@dataclass(slots=True, eq=False)
class _Pending(Generic[Item, Result]):
    item: Item
    answer: asyncio.Future[Result]
    arrived_s: float


class GroupCommitter(Generic[Item, Result]):
    """Commits items in groups, each item exactly as if it had been alone.

    `apply(connection, items)` is a store function that returns one result per item, in order. It must
    recognise an item that it has applied before (``ON CONFLICT DO NOTHING``): after a commit whose outcome is
    unknown the same items come again. When it raises, the group is split until the item at fault fails alone.

    While the store is unavailable the group is tried again and again; meanwhile at most `max_pending` items
    are kept, and further submitters wait: that is the back-pressure.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        linger: float = 0.02,
        cap: int = 1000,
        max_pending: int = 10_000,
    ) -> None:
        """
        Args:
            linger: seconds for which the first item of a group waits for others.
            cap: the most items in one transaction.
            max_pending: the most items accepted and not yet answered.
        """
        self._database = database
        self._apply = apply
        self._linger = linger
        self._cap = cap
        self._slots = asyncio.Semaphore(max_pending)
        self._queue: deque[_Pending[Item, Result]] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Items accepted that no transaction has taken yet."""
        return len(self._queue)

    async def submit(self, item: Item) -> Result:
        """Return the item's result once its transaction is durable; wait first when too many are pending.

        A submitter that is cancelled before its item was taken withdraws it; later the item is committed all
        the same and only the answer is lost.

        Raises:
            CommitterClosed: the committer does not take items any more.
            Exception: what `apply` raised for this item alone.
        """
        async with self._slots:
            if self._closing:
                raise CommitterClosed("this committer is closed")
            loop = asyncio.get_running_loop()
            pending: _Pending[Item, Result] = _Pending(item, loop.create_future(), loop.time())
            self._enqueue(pending)
            return await pending.answer

    async def close(self, patience: float = 10.0) -> None:
        """Commit what was accepted, then stop; after `patience` seconds the rest fails."""
        self._closing = True
        self._arrived.set()
        self._full.set()
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=patience)
        await end_tasks(self._task)
        self._fail(self._queue, CommitterClosed("closed before the store became available"))

    def _enqueue(self, pending: _Pending[Item, Result]) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group-committer")
        self._queue.append(pending)
        self._arrived.set()
        if len(self._queue) >= self._cap:
            self._full.set()

    async def _run(self) -> None:
        while self._queue or not self._closing:
            await self._arrived.wait()
            await self._linger_for_others()
            group = self._take()
            if group:
                await self._settle(group)

    async def _linger_for_others(self) -> None:
        """Wait until the oldest item is `linger` old; what queued up behind a slow commit goes at once."""
        if not self._queue or self._closing or len(self._queue) >= self._cap:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._queue[0].arrived_s + self._linger):
                await self._full.wait()

    def _take(self) -> list[_Pending[Item, Result]]:
        """The next group, without those whose submitters have gone."""
        group: list[_Pending[Item, Result]] = []
        while self._queue and len(group) < self._cap:
            pending = self._queue.popleft()
            if not pending.answer.done():
                group.append(pending)
        if not self._queue and not self._closing:
            self._arrived.clear()
        if len(self._queue) < self._cap and not self._closing:
            self._full.clear()
        return group

    async def _settle(self, group: list[_Pending[Item, Result]]) -> None:
        """Answer every item of the group, splitting it when it fails as a whole."""
        try:
            results = await self._commit_when_possible(group)
        except asyncio.CancelledError:
            self._fail(group, CommitterClosed("closed before the store became available"))
            raise
        except Exception as error:
            await self._split(group, error)
            return
        for pending, result in zip(group, results, strict=True):
            if not pending.answer.done():
                pending.answer.set_result(result)

    async def _split(self, group: list[_Pending[Item, Result]], error: Exception) -> None:
        if len(group) == 1:
            self._fail(group, error)
            return
        middle = len(group) // 2
        try:
            await self._settle(group[:middle])
        except asyncio.CancelledError:
            self._fail(group, CommitterClosed("closed before the store became available"))
            raise
        await self._settle(group[middle:])

    async def _commit_when_possible(self, group: list[_Pending[Item, Result]]) -> Sequence[Result]:
        pause = 0.0
        while True:
            try:
                return await self._commit(group)
            except StoreUnavailable as error:
                pause = min(max(error.retry_after, 2 * pause), MAX_PAUSE_S)
                _log.warning(
                    "group_commit_waits",
                    reason=str(error),
                    items=len(group),
                    pause_s=pause,
                    queued=self.pending,
                )
                await asyncio.sleep(pause)

    async def _commit(self, group: list[_Pending[Item, Result]]) -> Sequence[Result]:
        items = [pending.item for pending in group]
        async with self._database.write() as transaction:
            results = await transaction.run(self._apply, items)
            if len(results) != len(items):
                raise RuntimeError(f"apply returned {len(results)} results for {len(items)} items")
        return results

    @staticmethod
    def _fail(
        group: Sequence[_Pending[Item, Result]] | deque[_Pending[Item, Result]], error: Exception
    ) -> None:
        for pending in group:
            if not pending.answer.done():
                pending.answer.set_exception(error)
