"""What the units of work of both adapters share: one function at a time, and no commit after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import exc

from services.chassis.database.errors import TransactionDoomed, as_unavailable


class UnitState:
    """Whether a unit of work may still commit, and what to call when it has."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], None]] = []
        self._busy = False
        self._closed = False
        self._doomed_by: BaseException | None = None

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Remember `callback` for after the commit."""
        self.callbacks.append(callback)

    @contextmanager
    def running(self) -> Generator[None]:
        """Around each store function: guards against overlap, and dooms the unit when the database failed."""
        if self._closed:
            raise RuntimeError("the unit of work is over: run store functions inside its block")
        if self._busy:
            raise RuntimeError("a unit of work runs one store function at a time: await each before the next")
        self._busy = True
        try:
            yield
        except (asyncio.CancelledError, exc.DBAPIError, OSError) as error:
            self._doomed_by = error
            unavailable = as_unavailable(error)
            if unavailable is not None:
                raise unavailable from error
            raise
        finally:
            self._busy = False

    @property
    def doomed(self) -> bool:
        """Whether a statement failed or was cut off."""
        return self._doomed_by is not None

    def close(self) -> None:
        """No further store function may run."""
        self._closed = True

    def require_committable(self) -> None:
        """
        Raises:
            TransactionDoomed: a failure was swallowed; committing would make half of the work durable.
        """
        if self._doomed_by is not None:
            raise TransactionDoomed("a statement failed and its exception was swallowed") from self._doomed_by
