"""Databases with the chassis tables and one of their own, on both adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.chassis.database import Database, open_database
from services.chassis.migrations import chassis_metadata
from tests.fixtures.counted import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def service_database(database_url: str) -> AsyncIterator[Database]:
    """A service's database: outbox, inbox, dead letters, and a table for effects."""
    database = open_database(database_url, schema="counting")
    await database.change_schema(chassis_metadata.create_all)
    await database.change_schema(metadata.create_all)
    yield database
    await database.close()
