"""`pulsemesh-server consent verify`, as an operator types it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from services.chassis import migrations
from services.chassis.settings import Settings
from services.consent import moving, withdrawing
from services.consent.module import module
from services.consent.receipts.keys import load_or_create
from services.consent.receipts.record import Controller
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import Decider
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.texts import texts
from services.host.cli import main
from services.host.databases import open_schema

NOW_MS = 1_795_000_000_000


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where two people moved, and withdrew something twice."""
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(data_dir: Path) -> None:
    registrar = Registrar(
        Decider(jurisdictions(), texts()), load_or_create(data_dir), Controller("Test", "test@example.org")
    )
    database = open_schema(Settings(data_dir=data_dir), "consent")
    assert module.migrations is not None
    await migrations.upgrade(database, module.migrations)
    for user_id in ("eu_ann", "eu_bob"):
        origin = Origin(user_id, "test", "tests")
        async with database.write() as transaction:
            moved = wire.SetJurisdictionRequest(country="DE", birth_month="1990-07")
            await transaction.run(moving.set_jurisdiction, registrar, origin, moved, NOW_MS)
            for _ in range(2):
                withdrawal = wire.WithdrawConsentsRequest(purposes=[9])  # type: ignore[list-item]
                await transaction.run(withdrawing.withdraw, registrar, origin, withdrawal, NOW_MS)
    await database.close()


def verify(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["consent", "verify", "--data-dir", str(data_dir), *words])


def test_whole_chains_exit_with_0(data_dir: Path) -> None:
    result = verify(data_dir)
    assert (result.exit_code, result.output) == (0, "2 people, 6 receipts, 0 broken chains\n")


def test_one_person_can_be_verified(data_dir: Path) -> None:
    assert verify(data_dir, "--user", "eu_bob").output == "1 people, 3 receipts, 0 broken chains\n"


def test_a_receipt_that_was_removed_exits_with_6_and_is_named(data_dir: Path) -> None:
    with sqlite3.connect(data_dir / "consent.db") as database:
        database.execute("DELETE FROM receipts WHERE user_id = 'eu_bob' AND sequence = 2")
    result = verify(data_dir)
    assert result.exit_code == 6
    assert "BROKEN  eu_bob: receipt 2 is missing" in result.output
    assert "eu_ann" not in result.output


def test_a_person_without_receipts_who_had_some_is_found(data_dir: Path) -> None:
    with sqlite3.connect(data_dir / "consent.db") as database:
        database.execute("DELETE FROM receipts WHERE user_id = 'eu_bob'")
    assert verify(data_dir).exit_code == 6


def test_without_keys_nothing_is_believed(tmp_path: Path) -> None:
    assert verify(tmp_path).exit_code == 2
