"""One SQLite connection that lives on a thread of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from services.chassis.database.completion import Completion

T = TypeVar("T")

BUSY_TIMEOUT_MS = 2_000
"""Only a foreign program can hold the file's lock: other writers of this process queue for their turn."""
JOURNAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024


def engine_for(path: Path, *, writer: bool) -> Engine:
    """An engine whose connections are set up for durable writing, or for reading only."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control begins late and commits before DDL: we begin ourselves, below.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA journal_size_limit={JOURNAL_SIZE_LIMIT_BYTES}")
        if not writer:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


class ThreadConnection:
    """A connection opened on first use, only ever touched by its own thread."""

    def __init__(self, path: Path, *, writer: bool, name: str) -> None:
        self._engine = engine_for(path, writer=writer)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._connection: Connection | None = None
        self._raw: sqlite3.Connection | None = None
        self._completion = Completion()

    async def call(self, job: Callable[[Connection], T]) -> T:
        """Run `job`; when the caller is cancelled, interrupt its statement and wait for the thread."""
        future = self._submit(job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if self._raw is not None:
                self._raw.interrupt()
            await self._completion.run(_ended(future))
            raise

    async def complete(self, job: Callable[[Connection], T]) -> T:
        """Run `job`, which no cancellation of the caller cuts off."""
        return await self._submit(job)

    async def close(self) -> None:
        """Close the connection on its thread, and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=True)

    def _submit(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, self._run, job)

    def _run(self, job: Callable[[Connection], T]) -> T:
        return job(self._opened())

    def _opened(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            raw = connection.connection.driver_connection
            if not isinstance(raw, sqlite3.Connection):
                raise TypeError(f"not a connection of the sqlite3 module: {raw!r}")
            self._connection, self._raw = connection, raw
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def _ended(future: asyncio.Future[Any]) -> None:
    await asyncio.wait([future])
    if not future.cancelled():
        future.exception()  # marks it as seen
