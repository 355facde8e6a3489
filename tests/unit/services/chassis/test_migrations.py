"""Revisions per service: applied once, all or none, one process at a time, equal to the tables in code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect

from services.chassis.database import Database, open_database
from services.chassis.migrations import SchemaOutdated, drift, pending, prepare, require_current, upgrade

FIRST = """
import sqlalchemy as sa
from alembic import op
from services.chassis.migrations import create_chassis_tables

revision, down_revision = "0001", None

def upgrade():
    create_chassis_tables()
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
"""

SECOND = """
import sqlalchemy as sa
from alembic import op
from services.chassis.migrations import create_erased_people

revision, down_revision = "0002", "0001"

def upgrade():
    op.add_column("note", sa.Column("text", sa.String(20)))
    create_erased_people()
"""

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    raise RuntimeError("broken")
"""

metadata = MetaData()
Table("note", metadata, Column("id", Integer, primary_key=True), Column("text", String(20)))


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_first.py").write_text(FIRST)
    return versions.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    found: str = (
        f"sqlite:///{tmp_path}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    return found


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = open_database(url, schema="notes")
    yield opened
    await opened.close()


async def tables(database: Database) -> list[str]:
    async with database.read() as transaction:
        return await transaction.run(lambda connection: sorted(inspect(connection).get_table_names()))


async def test_revisions_are_applied_once_and_in_order(database: Database, scripts: Path) -> None:
    assert await pending(database, scripts) == ["0001"]
    assert await upgrade(database, scripts) == ["0001"]
    (scripts / "versions" / "0002_second.py").write_text(SECOND)
    assert await pending(database, scripts) == ["0002"]
    assert await upgrade(database, scripts) == ["0002"]
    assert await upgrade(database, scripts) == []
    chassis = ["dead_letter", "erased_people", "inbox", "outbox"]
    assert await tables(database) == sorted(["alembic_version", "note", *chassis])


async def test_the_revisions_make_the_tables_that_the_code_declares(
    database: Database, scripts: Path
) -> None:
    (scripts / "versions" / "0002_second.py").write_text(SECOND)
    await upgrade(database, scripts)
    assert await drift(database, metadata) == []


async def test_a_missing_column_is_seen_as_drift(database: Database, scripts: Path) -> None:
    await upgrade(database, scripts)
    assert "note" in str(await drift(database, metadata))


async def test_a_broken_revision_leaves_nothing_of_its_run(database: Database, scripts: Path) -> None:
    await upgrade(database, scripts)
    (scripts / "versions" / "0002_second.py").write_text(SECOND)
    (scripts / "versions" / "0003_broken.py").write_text(BROKEN)
    with pytest.raises(RuntimeError, match="broken"):
        await upgrade(database, scripts)
    assert await pending(database, scripts) == ["0002", "0003"]
    assert "half" not in await tables(database)


async def test_services_with_a_schema_each_do_not_touch_each_other(url: str, scripts: Path) -> None:
    first, second = open_database(url, schema="first"), open_database(url, schema="second")
    await asyncio.gather(upgrade(first, scripts), upgrade(second, scripts))
    assert await pending(first, scripts) == await pending(second, scripts) == []
    await first.close()
    await second.close()


async def test_processes_that_upgrade_at_the_same_time_apply_each_revision_once(
    postgres_url: str, scripts: Path
) -> None:
    databases = [open_database(postgres_url, schema="notes") for _ in range(4)]
    applied = await asyncio.gather(*(upgrade(database, scripts) for database in databases))
    assert sorted(len(revisions) for revisions in applied) == [0, 0, 0, 1]
    for database in databases:
        await database.close()


async def test_on_start_sqlite_is_upgraded_and_postgresql_only_on_demand(
    database: Database, scripts: Path
) -> None:
    if database.dialect == "postgresql":
        with pytest.raises(SchemaOutdated, match=r"0001.*migrate"):
            await prepare(database, scripts)
        await prepare(database, scripts, on_start=True)
    else:
        await prepare(database, scripts)
    await require_current(database, scripts)
