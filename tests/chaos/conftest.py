"""What the fault tests share: a durable PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.postgres import PostgresServer, create_database, drop_database, start_postgres


@pytest.fixture(scope="session")
def durable_postgres() -> Iterator[PostgresServer]:
    """One server with fsync for all fault tests; whoever kills it starts it again."""
    server = start_postgres(durable=True)
    yield server
    server.stop()


@pytest.fixture
def durable_url(durable_postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database on it."""
    url = create_database(durable_postgres.url)
    yield url
    drop_database(durable_postgres.url, url)
