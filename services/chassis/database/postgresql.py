"""PostgreSQL: a schema per service, a pool per process, asyncpg below SQLAlchemy Core."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, event, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from services.chassis.database.completion import Completion
from services.chassis.database.errors import DatabaseClosed, StoreUnavailable, as_unavailable
from services.chassis.database.port import Lease, ReadTransaction, Transaction, take_signals
from services.chassis.database.signals import Signals
from services.chassis.database.unit import UnitState

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 10.0
ROLLBACK_TIMEOUT_S = 5.0


class _Unit:
    """A transaction on a pooled connection."""

    def __init__(self, connection: AsyncConnection, signals: Signals) -> None:
        self._connection = connection
        self._signals = signals
        self._state = UnitState()

    async def run(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self._state.running():
            return await self._connection.run_sync(fn, *args, **kwargs)

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._state.after_commit(callback)

    async def commit(self) -> None:
        self._state.close()
        if self._state.doomed:
            await self.roll_back()
            self._state.require_committable()
        try:
            await self._connection.commit()
        except Exception as error:
            await self._give_up()
            unavailable = as_unavailable(error, committing=True)
            if unavailable is not None:
                raise unavailable from error
            raise
        raised = await self._connection.run_sync(take_signals)
        await self._connection.close()
        self._signals.committed(self._state.callbacks, raised)

    async def roll_back(self) -> None:
        """Return the connection clean, or drop it when the server does not answer in time."""
        self._state.close()
        try:
            async with asyncio.timeout(ROLLBACK_TIMEOUT_S):
                await self._connection.run_sync(take_signals)
                await self._connection.rollback()
                await self._connection.close()
        except Exception:  # the server rolls back by itself when the connection goes
            await self._give_up()

    async def _give_up(self) -> None:
        with contextlib.suppress(Exception):
            await self._connection.invalidate()
        with contextlib.suppress(Exception):
            await self._connection.close()


class _SessionLease:
    """A session-level advisory lock: gone with the connection that holds it."""

    def __init__(self, connection: AsyncConnection, driver_connection: Any) -> None:
        self._connection = connection
        self._driver_connection = driver_connection

    def held(self) -> bool:
        return not self._driver_connection.is_closed()


class PostgresqlDatabase:
    """The `Database` in a schema of a server; see `services.chassis.database.port`."""

    def __init__(self, url: URL, *, schema: str, pool_size: int) -> None:
        self._url = url
        self._schema = schema
        self._engine = self._create_engine(pool_size=pool_size, pool_timeout=POOL_TIMEOUT_S)
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._read_engine = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        # Connections outside the pool: for locks that last, and for schema changes.
        self._single_use = self._create_engine(single_use=True)
        self._signals = Signals()
        self._completion = Completion()
        self._closed = False
        self._open_units = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def dialect(self) -> str:
        """See `Database`."""
        return "postgresql"

    @property
    def schema(self) -> str:
        """See `Database`."""
        return self._schema

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """See `Database.write`."""
        with self._counted():
            unit = _Unit(await self._connect(self._engine), self._signals)
            try:
                yield unit
            except BaseException:
                await self._completion.run(unit.roll_back())
                raise
            await self._completion.run(unit.commit())

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[ReadTransaction]:
        """See `Database.read`."""
        with self._counted():
            unit = _Unit(await self._connect(self._read_engine), self._signals)
            try:
                yield unit
            finally:
                await self._completion.run(unit.roll_back())

    async def change_schema(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `Database.change_schema`."""
        # A dialect learns its default schema from its first connection, so the schema must exist before that.
        await self._in_a_locked_transaction(_create_schema, self._schema)
        result = await self._in_a_locked_transaction(fn, *args, **kwargs)
        await self._engine.dispose()  # cached plans of the pool's connections refer to the old tables
        return result

    @asynccontextmanager
    async def leadership(self, role: str) -> AsyncGenerator[Lease | None]:
        """See `Database.leadership`."""
        connection = await self._connect(self._single_use)
        try:
            try:
                won = (await connection.execute(_TRY_LOCK, {"key": f"{self._schema}:{role}"})).scalar_one()
                await connection.commit()
                raw = await connection.get_raw_connection()
            except (exc.DBAPIError, OSError) as error:
                unavailable = as_unavailable(error)
                if unavailable is None:
                    raise
                raise unavailable from error
            yield _SessionLease(connection, raw.driver_connection) if won else None
        finally:
            await self._completion.run(_drop(connection))

    def on_signal(self, name: str, callback: Callable[[], None]) -> Callable[[], None]:
        """See `Database.on_signal`."""
        return self._signals.subscribe(name, callback)

    async def scrub(self) -> None:
        """See `Database.scrub`. The server writes over the pages as it uses them again."""
        with self._counted():
            engine = self._single_use.execution_options(isolation_level="AUTOCOMMIT")
            connection = await self._connect(engine)
            try:
                names = await connection.execute(_TABLES, {"schema": self._schema})
                for name in names.scalars().all():
                    await connection.execute(text(f'VACUUM "{self._schema}"."{name}"'))
            finally:
                await self._completion.run(_drop(connection))

    async def ping(self) -> None:
        """See `Database.ping`."""
        async with self.read() as transaction:
            await transaction.run(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        await self._idle.wait()
        await self._completion.settle()
        await self._engine.dispose()
        await self._single_use.dispose()

    @contextmanager
    def _counted(self) -> Generator[None]:
        """So that `close` can wait for the units of work that are open."""
        self._open_units += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._open_units -= 1
            if not self._open_units:
                self._idle.set()

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        """A connection, or none leaked: a cancelled caller's connection goes back by itself."""
        if self._closed:
            raise DatabaseClosed(f"the database of schema {self._schema} is closed")
        opening = asyncio.ensure_future(_open(engine))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._completion.start(_return_when_open(opening))
            raise

    async def _in_a_locked_transaction(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        engine = self._create_engine(single_use=True)
        unit = _Unit(await self._connect(engine), self._signals)
        try:
            await unit.run(_lock_for_schema_change, self._schema)
            result = await unit.run(fn, *args, **kwargs)
        except BaseException:
            await self._completion.run(unit.roll_back())
            raise
        await self._completion.run(unit.commit())
        return result

    def _create_engine(self, *, single_use: bool = False, **pool: Any) -> AsyncEngine:
        settings = {
            "search_path": f'"{self._schema}"',
            "synchronous_commit": "on",
            "application_name": f"pulsemesh {self._schema}",
            # A client that is gone must not keep its locks until its statement ends by itself.
            "client_connection_check_interval": "5s",
        }
        kind: dict[str, Any] = (
            {"poolclass": NullPool} if single_use else {"max_overflow": 0, "pool_use_lifo": True}
        )
        arguments = {"server_settings": settings, "timeout": CONNECT_TIMEOUT_S}
        # Parameters are personal data; an exception's text ends up in logs.
        return create_async_engine(self._url, connect_args=arguments, hide_parameters=True, **kind, **pool)


_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended('pulsemesh:' || CAST(:key AS text), 0))")
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema")
_LOCK_SCHEMA = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('pulsemesh-schema:' || CAST(:key AS text), 0))"
)


def _lock_for_schema_change(connection: Connection, schema: str) -> None:
    connection.execute(_LOCK_SCHEMA, {"key": schema})


def _create_schema(connection: Connection, schema: str) -> None:
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """On checkout: notice, without a round trip, that the server closed it; the pool then renews it."""
    if connection.driver_connection.is_closed():
        raise exc.InvalidatePoolError("the server closed this connection")


async def _open(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except Exception as error:
        unavailable = as_unavailable(error)
        if unavailable is not None:
            raise unavailable from error
        raise


async def _return_when_open(opening: asyncio.Task[AsyncConnection]) -> None:
    with contextlib.suppress(StoreUnavailable, exc.SQLAlchemyError):
        await (await opening).close()


async def _drop(connection: AsyncConnection) -> None:
    """Close for good: with the connection go the locks of its session."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(ROLLBACK_TIMEOUT_S):
            await connection.close()
            return
    with contextlib.suppress(Exception):
        await connection.invalidate()
