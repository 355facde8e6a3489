"""One thread that owns the database connection and commits what was asked of it meanwhile in one go.

A commit waits for the disk; whatever is submitted during that wait shares the next one. So the cost of
durability is a disk flush per round, not per append, and the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from ingest_edge.spool.errors import SpoolError, translated

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_ROUND = 256
"""Jobs of one transaction at most: bounds what one failure makes us repeat."""


class _Job:
    __slots__ = ("future", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.future: Future[Any] = Future()


class _Undone(Exception):
    """SQLite ended the whole transaction because of one job."""


class StoreThread:
    """Runs functions on a connection in their order, durably: `run` returns after the commit.

    Each function is atomic by itself: when it raises, nothing of it is stored, while the others of its round
    are.

    Args:
        path: the database, for the texts of errors.
        connect: opens the connection; called in the thread.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="pulsemesh-spool", daemon=True)

    async def start(self) -> None:
        """Open the connection. Raises whatever `connect` raises."""
        self._thread.start()
        await asyncio.wrap_future(self._opened)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` and return its result once it is durable.

        A caller that is cancelled does not know whether the work was done.

        Raises:
            SpoolError: see `ingest_edge.spool.errors`; and whatever `work` raises.
        """
        if self._closed:
            raise SpoolError("the spool is closed")
        job = _Job(work)
        self._jobs.put(job)
        result: T = await asyncio.wrap_future(job.future)
        return result

    async def close(self) -> None:
        """Finish what was submitted and close the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            while jobs := self._next_round():
                self._commit(connection, jobs)
        finally:
            connection.close()

    def _next_round(self) -> list[_Job]:
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                jobs.append(job)
            if len(jobs) >= _ROUND:
                break
            try:
                job = self._jobs.get_nowait() if jobs else self._jobs.get()
            except queue.Empty:
                break
        else:
            # The end was asked for: let the next round see it again.
            self._jobs.put(None)
        return jobs

    def _commit(self, connection: sqlite3.Connection, jobs: list[_Job]) -> None:
        try:
            outcomes = self._attempt(connection, jobs)
        except (sqlite3.Error, _Undone) as error:
            if len(jobs) > 1:
                # One of them spoils the round: each by itself then.
                for job in jobs:
                    self._commit(connection, [job])
                return
            outcomes = [error.__cause__ if isinstance(error, _Undone) else error]
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._settle(job, outcome)

    def _attempt(self, connection: sqlite3.Connection, jobs: list[_Job]) -> list[Any]:
        outcomes: list[Any] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                outcomes.append(self._apply(connection, job.work))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    @staticmethod
    def _apply(connection: sqlite3.Connection, work: Work) -> Any:
        connection.execute("SAVEPOINT job")
        try:
            result = work(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise _Undone from error
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            return error
        connection.execute("RELEASE job")
        return result

    def _settle(self, job: _Job, outcome: Any) -> None:
        if isinstance(outcome, sqlite3.Error):
            error = translated(outcome, self._path)
            error.__cause__ = outcome
            job.future.set_exception(error)
        elif isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
