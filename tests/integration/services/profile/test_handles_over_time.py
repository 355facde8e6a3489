"""Handles over months: what changes when, and to whom an old one leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.profile import claiming
from services.profile.errors import HandleChangedRecently, HandleTaken
from services.profile.housekeeping import Housekeeping
from services.profile.module import module

ANN, BOB = "eu_01J00000000000000000000001", "eu_01J00000000000000000000002"
DAY_MS = 86_400_000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}", schema="profile")
    assert module.migrations is not None
    await migrations.upgrade(opened, module.migrations)
    yield opened
    await opened.close()


async def claim(database: Database, user_id: str, handle: str, day: int) -> str:
    async with database.write() as transaction:
        return (await transaction.run(claiming.claim, user_id, handle, day * DAY_MS)).handle


async def leads_to(database: Database, handle: str, day: int) -> str | None:
    async with database.read() as view:
        return await view.run(claiming.person_of, handle, day * DAY_MS)


async def test_a_handle_changes_after_thirty_days_and_not_before(database: Database) -> None:
    await claim(database, ANN, "ann", 0)
    with pytest.raises(HandleChangedRecently):
        await claim(database, ANN, "anna", 29)
    assert await claim(database, ANN, "anna", 30) == "anna"


async def test_an_old_handle_leads_on_and_is_nobody_elses_until_ninety_days_later(
    database: Database,
) -> None:
    await claim(database, ANN, "ann", 0)
    await claim(database, ANN, "anna", 30)
    assert await leads_to(database, "ann", 119) == ANN
    with pytest.raises(HandleTaken):
        await claim(database, BOB, "ann", 119)
    assert await leads_to(database, "ann", 120) is None
    assert await claim(database, BOB, "ann", 121) == "ann"
    assert await leads_to(database, "ann", 121) == BOB


async def test_its_former_person_may_take_an_old_handle_back(database: Database) -> None:
    await claim(database, ANN, "ann", 0)
    await claim(database, ANN, "anna", 30)
    assert await claim(database, ANN, "ann", 60) == "ann"
    assert await leads_to(database, "anna", 61) == ANN


async def test_a_person_may_write_their_handle_in_another_way(database: Database) -> None:
    await claim(database, ANN, "b_ob", 0)
    assert await claim(database, ANN, "b__ob", 30) == "b__ob"


async def test_housekeeping_forgets_handles_that_lead_nowhere(database: Database) -> None:
    await claim(database, ANN, "ann", 0)
    await claim(database, ANN, "anna", 30)
    await Housekeeping(database, lambda: 200 * DAY_MS).tidy()
    assert await leads_to(database, "ann", 31) is None
    assert await leads_to(database, "anna", 200) == ANN
