"""From settings to stores: databases, bus, limits, cache, live numbers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

from services.chassis.database import Database, open_database
from services.chassis.module import Module
from services.chassis.settings import Settings


class Databases:
    """The databases of the served domains: one schema each, migrated before anything runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._databases: dict[str, Database] = {}

    def get(self, schema: str) -> Database:
        """The database of a schema.

        Raises:
            LookupError: no served domain owns it.
        """
        try:
            return self._databases[schema]
        except KeyError:
            raise LookupError(f"no domain served here owns the schema {schema}") from None

    @asynccontextmanager
    async def open(self, modules: Collection[Module]) -> AsyncGenerator[None]:
        """Open and migrate the databases of the domains that own tables."""
        async with AsyncExitStack() as stack:
            for module in modules:
                if module.metadata.tables:
                    database = self._open(module.name)
                    stack.push_async_callback(database.close)
                    self._databases[module.name] = database
            yield
        self._databases.clear()

    def _open(self, schema: str) -> Database:
        options = self._settings.database
        return open_database(
            self._settings.database_url, schema=schema, pool_size=options.pool_size, readers=options.readers
        )


class Stores:
    """The adapters shared by all domains of the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.bus: Any = None
        self.limiter: Any = None
        self.cache: Any = None
        self.answers: Any = None
        self.live: Any = None

    async def run_consumer(self, consumer: Any, stack: AsyncExitStack) -> None:
        """Run a consumer of events until the stack unwinds."""

    async def run_background(self, task: Any, stack: AsyncExitStack) -> None:
        """Run a background task until the stack unwinds."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return
