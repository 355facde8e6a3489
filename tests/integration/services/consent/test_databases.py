"""Changes that come at once, on both databases: one chain without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.consent import granting, moving, withdrawing
from services.consent.changes import ChangeFeed
from services.consent.module import module
from services.consent.receipts.keys import in_memory
from services.consent.receipts.record import Controller
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import Decider
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.texts import texts
from services.consent.verifying import verify, verify_all
from tests.fixtures.waiting import eventually

NOW_MS = 1_795_000_000_000
USERS = [f"eu_{number:026d}" for number in range(3)]
RESEARCH = Purpose.PURPOSE_RESEARCH


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    opened = open_database(url, schema="consent")
    assert module.migrations is not None
    await migrations.upgrade(opened, module.migrations)
    yield opened
    await opened.close()


@pytest.fixture
def registrar() -> Registrar:
    return Registrar(Decider(jurisdictions(), texts()), in_memory(), Controller("Test", "test@example.org"))


async def move(database: Database, registrar: Registrar, user_id: str) -> None:
    request = wire.SetJurisdictionRequest(country="DE", birth_month="1990-07")
    origin = Origin(user_id, "test", "tests")
    async with database.write() as transaction:
        await transaction.run(moving.set_jurisdiction, registrar, origin, request, NOW_MS)


async def change(database: Database, registrar: Registrar, user_id: str, number: int) -> None:
    origin = Origin(user_id, "test", "tests")
    async with database.write() as transaction:
        if number % 2:
            withdrawal = wire.WithdrawConsentsRequest(purposes=[RESEARCH], request_id=f"{number // 4}w")
            await transaction.run(withdrawing.withdraw, registrar, origin, withdrawal, NOW_MS)
        else:
            text = wire.ShownText(purpose=RESEARCH, version="EU/1.1", language="en")
            grant = wire.GrantConsentsRequest(texts=[text], request_id=f"{number // 4}g")
            await transaction.run(granting.grant, registrar, origin, grant, NOW_MS)


async def test_changes_at_once_make_one_chain(database: Database, registrar: Registrar) -> None:
    for user_id in USERS:
        await move(database, registrar, user_id)
    await asyncio.gather(
        *(change(database, registrar, user_id, number) for number in range(16) for user_id in USERS)
    )
    verdicts = [each async for each in verify_all(database, registrar.keys.published)]
    # Sixteen requests, each of which came twice: eight, and the move.
    assert [(each.user_id, each.receipts, each.findings) for each in verdicts] == [
        (user_id, 9, []) for user_id in USERS
    ]


async def test_a_watcher_hears_of_every_change_once(database: Database, registrar: Registrar) -> None:
    feed = ChangeFeed(database, lambda: NOW_MS, 0.05)
    running = asyncio.create_task(feed.run())
    with feed.watch() as watcher:
        await move(database, registrar, USERS[0])
        await asyncio.gather(*(change(database, registrar, USERS[0], number) for number in range(8)))
        heard: list[int] = []

        def all_heard() -> bool:
            while not watcher.batches.empty():
                heard.extend(change.version for change in watcher.batches.get_nowait())
            return len(heard) >= 5

        await eventually(all_heard)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sorted(heard) == [1, 2, 3, 4, 5]


async def test_a_stranger_has_a_whole_chain_of_nothing(database: Database, registrar: Registrar) -> None:
    verdict = await verify(database, "eu_nobody", registrar.keys.published)
    assert (verdict.receipts, verdict.findings) == (0, [])
