"""A consent database in memory of the test's own, and who keeps receipts in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from services.chassis.migrations import chassis_metadata
from services.consent.receipts.keys import in_memory
from services.consent.receipts.record import Controller
from services.consent.registrar import Registrar
from services.consent.rules.deciding import Decider
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.texts import texts
from services.consent.tables import metadata


@pytest.fixture(scope="session")
def registrar() -> Registrar:
    return Registrar(Decider(jurisdictions(), texts()), in_memory(), Controller("Test", "test@example.org"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    chassis_metadata.create_all(engine)
    with engine.begin() as conn:
        yield conn
    engine.dispose()
