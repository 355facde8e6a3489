"""What goes wrong with a store, and which of it passes by itself."""

from __future__ import annotations

import asyncio
import sqlite3

from sqlalchemy import exc

SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY: 0.5,
    sqlite3.SQLITE_LOCKED: 0.5,
    sqlite3.SQLITE_IOERR: 5.0,
    sqlite3.SQLITE_FULL: 5.0,
    sqlite3.SQLITE_CANTOPEN: 5.0,
    sqlite3.SQLITE_PROTOCOL: 0.5,
}
"""Primary result code to the pause in seconds after which a repeat may succeed (sqlite.org/rescode.html)."""

POSTGRESQL_TRANSIENT = {
    "08": 0.25,  # connection exceptions
    "53": 2.0,  # too many connections, out of memory, disk full
    "57P": 0.25,  # administrator or crash shutdown, cannot connect now
    "40": 0.05,  # serialization failure, deadlock, and the commit whose outcome is unknown
    "55P03": 0.5,  # lock not available
    "25006": 2.0,  # the server became a replica during a fail-over
}
"""SQLSTATE prefix to the pause in seconds (PostgreSQL documentation, appendix A)."""


NO_CONNECTION_PAUSE_S = 0.25
"""A server that restarts is often back within a second; whoever repeats backs off by itself."""


class StoreUnavailable(Exception):
    """The store cannot serve now; the same call may succeed after a pause.

    Attributes:
        retry_after: seconds to wait before the next attempt.
        commit_uncertain: True when the connection broke during the commit, so that the effect may or may not
            have become durable; whoever repeats must recognise what is already there.
    """

    def __init__(self, reason: str, *, retry_after: float = 1.0, commit_uncertain: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.commit_uncertain = commit_uncertain


class TransactionDoomed(Exception):
    """The unit of work ended without an exception although a statement in it had failed or was cut off.

    Nothing was committed. A store function that wants to survive a failing statement wraps it in
    ``connection.begin_nested()``.
    """


class DatabaseInUse(Exception):
    """Another process serves this SQLite file."""


class DatabaseClosed(Exception):
    """The database was used after `close`."""


def as_unavailable(error: BaseException, *, committing: bool = False) -> StoreUnavailable | None:
    """The `StoreUnavailable` that stands for `error`, or None when a repeat would fail in the same way."""
    pause = _pause_for(error)
    if pause is None:
        return None
    uncertain = committing and _broke_the_connection(error)
    return StoreUnavailable(_first_line(error), retry_after=pause, commit_uncertain=uncertain)


def _pause_for(error: BaseException) -> float | None:
    if isinstance(error, StoreUnavailable):
        return error.retry_after
    if isinstance(error, exc.TimeoutError):  # every pooled connection is busy
        return 0.5
    if isinstance(error, exc.DBAPIError):
        return _driver_pause(error)
    if isinstance(error, (OSError, asyncio.TimeoutError)):  # no server at the address
        return NO_CONNECTION_PAUSE_S
    return _sqlstate_pause(error)


def _driver_pause(error: exc.DBAPIError) -> float | None:
    cause = error.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return SQLITE_TRANSIENT.get(code & 0xFF)
    if error.connection_invalidated or isinstance(cause, OSError):
        return NO_CONNECTION_PAUSE_S
    return None if cause is None else _sqlstate_pause(cause)


def _sqlstate_pause(error: BaseException) -> float | None:
    """The pause by SQLSTATE, or by the words of asyncpg where a closed connection has no state."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return next(
            (pause for prefix, pause in POSTGRESQL_TRANSIENT.items() if state.startswith(prefix)), None
        )
    words = str(error)
    if "connection is closed" in words or "connection was closed" in words:
        return NO_CONNECTION_PAUSE_S
    if "cached statement plan is invalid" in words:  # the schema changed below a pooled connection
        return 0.05
    return None


def _broke_the_connection(error: BaseException) -> bool:
    if isinstance(error, exc.DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        rejected = isinstance(state, str) and not state.startswith(("08", "57P", "40003"))
        return not rejected and getattr(error.orig, "sqlite_errorcode", None) is None
    return isinstance(error, OSError)


def _first_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
