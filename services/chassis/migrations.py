"""Alembic per service, run from code: each service has its own folder of revisions in its own schema.

``services/<domain>/migrations/versions/*.py`` holds the revisions; no ``env.py`` and no ``alembic.ini`` are
needed. The first revision of a service calls `create_chassis_tables`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from services.chassis.consumer import dead_letters as _dead_letters  # noqa: F401 - adds its table
from services.chassis.database import Database
from services.chassis.erased_people import erased_people as _erased_people  # noqa: F401 - adds its table
from services.chassis.inbox import inbox as _inbox  # noqa: F401 - adds its table
from services.chassis.outbox import metadata

VERSION_TABLE = "alembic_version"

chassis_metadata: Final[MetaData] = metadata
"""The tables that the chassis keeps in every service's schema: outbox, inbox and dead_letter."""

_upgrading = threading.Lock()
"""Alembic's `op` is one object per process, so services are upgraded one after the other."""


class SchemaOutdated(Exception):
    """The database lacks revisions that this version of the service needs."""


async def upgrade(database: Database, scripts: Path) -> list[str]:
    """Apply the revisions that are missing, in one transaction, one process at a time; returns their ids.

    Either all of them are applied or none.
    """
    while not _upgrading.acquire(blocking=False):  # noqa: ASYNC110 - other holders may be on other loops
        await asyncio.sleep(0.01)
    try:
        return await database.change_schema(_upgrade, scripts)
    finally:
        _upgrading.release()


async def pending(database: Database, scripts: Path) -> list[str]:
    """The revisions that the database lacks, the next one first."""
    if database.dialect == "postgresql" and not await _schema_exists(database):
        return _missing(None, ScriptDirectory(str(scripts)))
    async with database.read() as transaction:
        return await transaction.run(_pending, scripts)


async def require_current(database: Database, scripts: Path) -> None:
    """
    Raises:
        SchemaOutdated: revisions are missing; names the command that applies them.
    """
    missing = await pending(database, scripts)
    if missing:
        raise SchemaOutdated(
            f"the schema {database.schema!r} lacks {', '.join(missing)}: run `pulsemesh-server migrate` first"
        )


async def prepare(database: Database, scripts: Path, *, on_start: bool = False) -> None:
    """What a server does when it starts: SQLite is upgraded; PostgreSQL only `on_start`, else checked.

    Raises:
        SchemaOutdated: PostgreSQL lacks revisions and `on_start` is False.
    """
    if on_start or database.dialect == "sqlite":
        await upgrade(database, scripts)
    else:
        await require_current(database, scripts)


async def drift(database: Database, *metadatas: MetaData) -> list[Any]:
    """Alembic's differences between the migrated database and the tables in code; empty is right.

    Give the service's metadata; the chassis tables are added here.
    """
    async with database.read() as transaction:
        return await transaction.run(_drift, (*metadatas, chassis_metadata))


def create_chassis_tables() -> None:
    """Inside a service's first revision: the tables of outbox, inbox and dead letters, as of version 1.

    Written out, not taken from the metadata: what a revision does must never change.
    """
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("appended_ms", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(100), primary_key=True),
        sa.Column("event_id", sa.String(26), primary_key=True),
        sa.Column("handled_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("inbox_handled_ms", "inbox", ["handled_ms"])
    op.create_table(
        "dead_letter",
        sa.Column("consumer", sa.String(100), primary_key=True),
        sa.Column("event_id", sa.String(26), primary_key=True),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("parked_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_dead_letter_subject", "dead_letter", ["subject"])


def create_erased_people() -> None:
    """Inside a later revision: the table of people who were erased, as of version 1."""
    op.create_table(
        "erased_people",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("erased_ms", sa.BigInteger, nullable=False),
        sa.Column("places", sa.Text, nullable=False, server_default="[]"),
        sa.Column("unscrubbed", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def _upgrade(connection: Connection, scripts: Path) -> list[str]:
    directory = ScriptDirectory(str(scripts))
    missing = _missing(_current(connection), directory)

    def steps(revision: Any, _context: MigrationContext) -> list[Any]:
        return directory._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), directory, fn=steps) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, render_as_batch=True)
        environment.run_migrations()
    return missing


def _pending(connection: Connection, scripts: Path) -> list[str]:
    return _missing(_current(connection), ScriptDirectory(str(scripts)))


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    ).get_current_revision()


def _missing(current: str | None, directory: ScriptDirectory) -> list[str]:
    revisions = directory.iterate_revisions("heads", current or "base")
    return [script.revision for script in reversed(list(revisions)) if script.revision != current]


def _drift(connection: Connection, metadatas: Sequence[MetaData]) -> list[Any]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
    )
    return list(compare_metadata(context, list(metadatas)))  # type: ignore[arg-type]


async def _schema_exists(database: Database) -> bool:
    def exists(connection: Connection) -> bool:
        query = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
        return connection.execute(query, {"schema": database.schema}).first() is not None

    async with database.read() as transaction:
        return await transaction.run(exists)
