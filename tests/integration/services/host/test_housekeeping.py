from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Connection, func, select

from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.chassis.inbox import inbox
from services.host.housekeeping import prune_inbox
from services.workout.module import module

DAY_S = 86_400.0


async def remember(database: Database, ages_s: list[float]) -> None:
    def insert(conn: Connection) -> None:
        rows = [
            {"consumer": "c", "event_id": f"{number:026}", "handled_ms": int((time.time() - age) * 1000)}
            for number, age in enumerate(ages_s)
        ]
        conn.execute(inbox.insert(), rows)

    async with database.write() as transaction:
        await transaction.run(insert)


async def test_inbox_records_are_kept_for_twice_as_long_as_their_events(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="workout")
    assert module.migrations is not None
    await migrations.upgrade(database, module.migrations)
    await remember(database, [0, 10 * DAY_S, 15 * DAY_S, 90 * DAY_S])
    assert await prune_inbox(database, retention_s=7 * DAY_S) == 2
    async with database.read() as view:
        kept = await view.run(lambda conn: conn.execute(select(func.count()).select_from(inbox)).scalar_one())
    assert kept == 2
    await database.close()
