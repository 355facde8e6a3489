"""kill -9 of a process that commits in groups to SQLite: what it answered is there, once, with its event."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from services.chassis import outbox
from services.chassis.database import open_database
from tests.fixtures.counted import effects_of

KILLS = 2
"""Each starts an interpreter, which is most of the time that this test takes."""

WRITER = """
import asyncio, sys
from sqlalchemy import insert
from services.chassis import outbox
from services.chassis.database import open_database
from services.chassis.group_commit import GroupCommitter
from tests.fixtures.counted import metadata, note
from tests.fixtures.events import event

def store(connection, items):
    for item in items:
        note(connection, "items", "x", item)
    outbox.append_all(connection, [event("x", item) for item in items])
    return items

async def main(url, first):
    database = open_database(url, schema="counting")
    await database.change_schema(outbox.metadata.create_all)
    await database.change_schema(metadata.create_all)
    committer = GroupCommitter(database, store, linger=0.001, cap=20)

    async def submitter(offset):
        item = first + offset
        while True:
            print(await committer.submit(item), flush=True)
            item += 10

    await asyncio.gather(*(submitter(offset) for offset in range(10)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def test_kills_of_the_writing_process_lose_and_double_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}"
    answered: set[int] = set()
    chance = random.Random(11)
    for round_number in range(KILLS):
        answered |= _answers_until_killed(url, 1_000_000 * round_number, chance.randint(20, 120))
    database = open_database(url, schema="counting")
    found = Counter(number for _, number in await effects_of(database, "items"))
    async with database.read() as transaction:
        rows = await transaction.run(outbox.waiting, 1_000_000, 2**40)
    await database.close()
    print(f"{len(answered)} answered, {found.total()} stored, {len(rows)} events, {KILLS} kills")
    assert max(found.values()) == 1
    assert answered <= set(found)
    assert [int(row.envelope.payload) for row in rows] == [*found]


def _answers_until_killed(url: str, first: int, count: int) -> set[int]:
    command = [sys.executable, "-c", WRITER, url, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
        lines += process.stdout.readlines()
    return {int(line) for line in lines if line.endswith(b"\n")}
