"""The tables: every column classified, the migrations equal to the code, receipts beyond change."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import DBAPIError

from services.chassis.database import open_database, unclassified_columns
from services.chassis.migrations import drift, upgrade
from services.consent.module import module
from services.consent.tables import metadata, receipts


def test_every_column_is_classified() -> None:
    assert unclassified_columns(metadata) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    return str(request.getfixturevalue("postgres_url"))


def _add(conn: Connection) -> None:
    row = {
        "receipt_id": "0" * 26,
        "user_id": "eu_x",
        "sequence": 1,
        "kind": 1,
        "jws": "a",
        "sha256": "b",
        "made_ms": 1,
    }
    conn.execute(insert(receipts), [row])


def _change(conn: Connection) -> None:
    conn.execute(update(receipts).values(jws="forged"))


async def test_migrations_make_the_tables_and_a_receipt_is_never_changed(url: str) -> None:
    database = open_database(url, schema="consent")
    assert module.migrations is not None
    await upgrade(database, module.migrations)
    assert await drift(database, metadata) == []
    async with database.write() as transaction:
        await transaction.run(_add)
    with pytest.raises(DBAPIError, match="never changed"):
        async with database.write() as transaction:
            await transaction.run(_change)
    await database.close()
