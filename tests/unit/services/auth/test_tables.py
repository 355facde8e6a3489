"""The tables are those that the migrations make, and say which personal data they hold."""

from __future__ import annotations

from pathlib import Path

from services.auth.module import module
from services.auth.tables import metadata
from services.chassis.database import open_database, unclassified_columns
from services.chassis.migrations import drift, upgrade


def test_every_column_is_classified() -> None:
    assert unclassified_columns(metadata) == []


async def test_the_migrations_make_these_tables(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="auth")
    assert module.migrations is not None
    await upgrade(database, module.migrations)
    found = await drift(database, metadata)
    await database.close()
    assert found == []


async def test_the_migrations_make_these_tables_on_postgresql(postgres_url: str) -> None:
    database = open_database(postgres_url, schema="auth")
    assert module.migrations is not None
    await upgrade(database, module.migrations)
    found = await drift(database, metadata)
    await database.close()
    assert found == []
