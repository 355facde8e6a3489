"""SQLite: one file per service, one writer thread, a few reader threads, full durability.

Why like this: SQLite allows one writer at a time anyway, and a dedicated thread spares polling for its lock;
WAL lets readers go on beside it; ``synchronous=FULL`` makes a commit survive the loss of power, and grouping
commits pays for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, text

from services.chassis.database.completion import Completion
from services.chassis.database.errors import DatabaseClosed, StoreUnavailable, as_unavailable
from services.chassis.database.file_lock import FileLock
from services.chassis.database.port import Lease, ReadTransaction, Transaction, take_signals
from services.chassis.database.signals import Signals
from services.chassis.database.sqlite_connection import ThreadConnection
from services.chassis.database.unit import UnitState

SCRUB_PATIENCE_S, SCRUB_PAUSE_S = 60.0, 0.2
"""How long a scrub waits for readers who still see what was deleted, and between looks."""

P = ParamSpec("P")
T = TypeVar("T")


class _Unit:
    """A transaction on one connection; BEGIN travels with the first store function."""

    def __init__(self, connection: ThreadConnection, signals: Signals) -> None:
        self._connection = connection
        self._signals = signals
        self._state = UnitState()

    async def run(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._state.running():
            return await self._connection.call(lambda connection: fn(connection, *args, **kwargs))

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._state.after_commit(callback)

    async def commit(self) -> None:
        self._state.close()
        if self._state.doomed:
            await self.roll_back()
            self._state.require_committable()
        try:
            raised = await self._connection.complete(_commit)
        except Exception as error:
            unavailable = as_unavailable(error, committing=True)
            if unavailable is not None:
                raise unavailable from error
            raise
        self._signals.committed(self._state.callbacks, raised)

    async def roll_back(self) -> None:
        self._state.close()
        await self._connection.complete(_roll_back)


def _commit(connection: Connection) -> frozenset[str]:
    try:
        connection.commit()
    except BaseException:
        _roll_back(connection)
        raise
    return take_signals(connection)


def _roll_back(connection: Connection) -> None:
    take_signals(connection)
    connection.rollback()


class _OnlyProcess:
    """The lease of SQLite: the file's lock already makes this process the only one."""

    def held(self) -> bool:
        return True


class SqliteDatabase:
    """The `Database` in a file; see the module and `services.chassis.database.port`."""

    def __init__(self, path: Path, *, schema: str, readers: int) -> None:
        """
        Raises:
            DatabaseInUse: another process serves the file.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._schema = schema
        self._file_lock = FileLock(path)
        self._writer = ThreadConnection(path, writer=True, name=f"{schema}-writer")
        self._writing = asyncio.Lock()
        self._readers = [
            ThreadConnection(path, writer=False, name=f"{schema}-reader-{number}")
            for number in range(readers)
        ]
        self._idle_readers: asyncio.LifoQueue[ThreadConnection] = asyncio.LifoQueue()
        for reader in reversed(self._readers):
            self._idle_readers.put_nowait(reader)
        self._signals = Signals()
        self._roles: set[str] = set()
        self._completion = Completion()
        self._closed = False

    @property
    def dialect(self) -> str:
        """See `Database`."""
        return "sqlite"

    @property
    def schema(self) -> str:
        """See `Database`."""
        return self._schema

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """See `Database.write`."""
        async with self._writing:
            self._require_open()
            unit = _Unit(self._writer, self._signals)
            try:
                yield unit
            except BaseException:
                await self._completion.run(unit.roll_back())
                raise
            await self._completion.run(unit.commit())

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[ReadTransaction]:
        """See `Database.read`."""
        self._require_open()
        reader = await self._idle_readers.get()
        try:
            self._require_open()
            unit = _Unit(reader, self._signals)
            try:
                yield unit
            finally:
                await self._completion.run(unit.roll_back())
        finally:
            self._idle_readers.put_nowait(reader)

    async def change_schema(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Database.change_schema`."""
        async with self.write() as transaction:
            result = await transaction.run(fn, *args, **kwargs)
        # Until its first checkpoint a fresh WAL database keeps even its header in the log alone, and a loss
        # of
        # power has been seen to lose the whole file.
        async with self._writing:
            await self._writer.complete(_checkpoint)
        _sync_directory(self._path.parent)
        return result

    @asynccontextmanager
    async def leadership(self, role: str) -> AsyncGenerator[Lease | None]:
        """See `Database.leadership`."""
        if role in self._roles:
            yield None
            return
        self._roles.add(role)
        try:
            yield _OnlyProcess()
        finally:
            self._roles.discard(role)

    def on_signal(self, name: str, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Database.on_signal`."""
        return self._signals.subscribe(name, callback)

    async def scrub(self) -> None:
        """See `Database.scrub`. The log holds what was deleted for as long as a reader sees it there."""
        async with self._writing:
            self._require_open()
            await self._writer.complete(_vacuum)
        deadline = asyncio.get_running_loop().time() + SCRUB_PATIENCE_S
        while True:
            async with self._writing:
                self._require_open()
                if await self._writer.complete(_checkpoint):
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise StoreUnavailable(
                    "a reader keeps what was deleted in the log", retry_after=SCRUB_PAUSE_S
                )
            await asyncio.sleep(SCRUB_PAUSE_S)

    async def ping(self) -> None:
        """See `Database.ping`."""
        async with self.read() as transaction:
            await transaction.run(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        async with self._writing:
            self._closed = True
            for _ in self._readers:
                await self._idle_readers.get()
            for connection in (*self._readers, self._writer):
                await connection.close()
            self._file_lock.release()
        for reader in self._readers:  # whoever waits for a reader learns that the database is closed
            self._idle_readers.put_nowait(reader)

    def _require_open(self) -> None:
        if self._closed:
            raise DatabaseClosed(f"the database {self._path} is closed")


def _checkpoint(connection: Connection) -> bool:
    """Move the log into the file and empty it; False when somebody reads from it."""
    # Outside a transaction, hence on the driver's connection: SQLAlchemy would begin one.
    raw = connection.connection.driver_connection
    assert raw is not None
    busy: int = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def _vacuum(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("VACUUM")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
