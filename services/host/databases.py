"""The databases of the served domains: one schema each, migrated before anything runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.chassis.module import Module
from services.chassis.settings import Settings


def owners(modules: Iterable[Module]) -> list[tuple[str, Path]]:
    """Domain and migrations of each module that owns tables.

    Raises:
        ValueError: a module has tables and no migrations.
    """
    found: list[tuple[str, Path]] = []
    for module in modules:
        if not module.metadata.tables:
            continue
        if module.migrations is None:
            raise ValueError(f"the domain {module.name} owns tables and has no migrations")
        found.append((module.name, module.migrations))
    return found


def open_schema(settings: Settings, schema: str) -> Database:
    """The database of one domain, by settings."""
    options = settings.database
    return open_database(
        settings.database_url, schema=schema, pool_size=options.pool_size, readers=options.readers
    )


class Databases:
    """What `ModuleContext.database` looks up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._databases: dict[str, Database] = {}

    def get(self, schema: str) -> Database:
        """The database of a schema.

        Raises:
            LookupError: no domain served here owns it.
        """
        try:
            return self._databases[schema]
        except KeyError:
            raise LookupError(f"no domain served here owns the schema {schema}") from None

    def all(self) -> list[Database]:
        """Every open database."""
        return list(self._databases.values())

    @asynccontextmanager
    async def open(self, modules: Iterable[Module]) -> AsyncGenerator[None]:
        """Open and prepare the databases of the domains that own tables.

        Raises:
            SchemaOutdated: PostgreSQL lacks migrations and the settings do not let a server apply them.
            StoreUnavailable, DatabaseInUse: see `open_database`.
        """
        async with AsyncExitStack() as stack:
            for name, scripts in owners(modules):
                database = open_schema(self._settings, name)
                stack.push_async_callback(database.close)
                await migrations.prepare(database, scripts, on_start=self._settings.migrates_on_start)
                self._databases[name] = database
            yield
        self._databases.clear()


async def migrate(settings: Settings, modules: Iterable[Module]) -> dict[str, list[str]]:
    """Apply the missing migrations of every domain; returns the revisions by domain."""
    applied: dict[str, list[str]] = {}
    for name, scripts in owners(modules):
        database = open_schema(settings, name)
        try:
            applied[name] = await migrations.upgrade(database, scripts)
        finally:
            await database.close()
    return applied
