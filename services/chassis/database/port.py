"""The port: one unit of work over synchronous store functions, whatever the database behind it.

A store function is plain SQLAlchemy Core, ``def fn(connection, *args) -> T``. The edge of a request, an event
or a batch opens the unit of work; use cases run store functions in it and never commit::

    async with database.write() as transaction:
        recording = await transaction.run(store.find_recording, recording_id)
        await transaction.run(store.close_recording, recording.id, now)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class ReadTransaction(Protocol):
    """A consistent view: every `run` sees the database as the first one saw it."""

    async def run(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the store function `fn` with the transaction's connection, one at a time.

        Raises:
            StoreUnavailable: for what passes by itself: server gone, lock, deadlock, disk full.
            sqlalchemy.exc.DBAPIError: for other failures of the database.
        """
        ...


class Transaction(ReadTransaction, Protocol):
    """A unit of work that commits as a whole or leaves no trace."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the event loop once the commit is durable, and never after a rollback.

        An exception that it raises is logged; the transaction stays committed.
        """
        ...


class Lease(Protocol):
    """A role that one process at a time holds."""

    def held(self) -> bool:
        """False as soon as it is known that the role may have gone to another process."""
        ...


class Database(Protocol):
    """A service's own database.

    Attributes:
        dialect: ``"sqlite"`` or ``"postgresql"``.
        schema: the service's schema (PostgreSQL) or file (SQLite).
    """

    @property
    def dialect(self) -> str:
        """Which SQL it speaks: ``sqlite`` or ``postgresql``."""
        ...

    @property
    def schema(self) -> str:
        """The schema on PostgreSQL, the stem of the file on SQLite."""
        ...

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a unit of work: commits when the block ends, rolls back when it raises or is cancelled.

        SQLite has one writer at a time, in the order of arrival; on PostgreSQL writers run side by side at
        READ COMMITTED. Store functions must be right on both: unique keys, ``ON CONFLICT``, ``FOR UPDATE``.

        Raises:
            StoreUnavailable: see `ReadTransaction.run`; a commit whose connection broke says so.
            TransactionDoomed: a statement failed and its exception was swallowed.
        """
        ...

    def read(self) -> AbstractAsyncContextManager[ReadTransaction]:
        """Open a read-only transaction beside the writers."""
        ...

    async def change_schema(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn`, which creates or alters tables, in one transaction, in one process at a time.

        What it made survives the loss of power once this returns.
        """
        ...

    def leadership(self, role: str) -> AbstractAsyncContextManager[Lease | None]:
        """Try at once to become the only process in `role` of this schema; None when another one is."""
        ...

    def on_signal(self, name: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the event loop after each commit of this process that raised signal `name`.

        Returns:
            A function that ends the subscription.
        """
        ...

    async def scrub(self) -> None:
        """Make what was deleted unreadable in the files, as far as the database can: after an erasure.

        SQLite is written anew, writers wait meanwhile, and no file holds it any more; this returns only once
        nobody reads from before the deletion. PostgreSQL gives the space back to its own use: the bytes stay
        in files and its log until they are written over, and no query finds them.

        Raises:
            StoreUnavailable: somebody still reads from before the deletion; repeat.
        """
        ...

    async def ping(self) -> None:
        """Return when the database answers a query, or raise `StoreUnavailable`."""
        ...

    async def close(self) -> None:
        """Wait for open transactions, then let go of every connection, thread and lock."""
        ...


_SIGNALS = "pulsemesh.signals"


def raise_signal(connection: Connection, name: str) -> None:
    """Inside a store function: tell this process's subscribers of `name` once the transaction commits."""
    connection.info.setdefault(_SIGNALS, set()).add(name)


def take_signals(connection: Connection) -> frozenset[str]:
    """For the adapters: what was raised in the transaction, forgotten at the same time."""
    return frozenset(connection.info.pop(_SIGNALS, ()))
