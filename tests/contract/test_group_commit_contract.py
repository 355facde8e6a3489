"""Group commit on both databases: each item once, whatever fails around it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from services.chassis.database import Database
from services.chassis.group_commit import CommitterClosed, GroupCommitter
from tests.fixtures.counted import effects_of, note
from tests.fixtures.waiting import eventually


def apply(connection: Connection, items: Sequence[int]) -> list[int]:
    for item in items:
        if item < 0:
            raise ValueError(f"poison {item}")
        note(connection, "items", "x", item)
    return [item * 2 for item in items]


async def stored(database: Database) -> list[int]:
    return sorted(number for _, number in await effects_of(database, "items"))


async def test_each_submitter_gets_its_own_result(service_database: Database) -> None:
    committer = GroupCommitter(service_database, apply)
    assert await asyncio.gather(*(committer.submit(n) for n in range(300))) == [n * 2 for n in range(300)]
    await committer.close()
    assert await stored(service_database) == list(range(300))


async def test_items_that_come_together_share_transactions(service_database: Database) -> None:
    groups: list[int] = []

    def counting(connection: Connection, items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        return apply(connection, items)

    committer = GroupCommitter(service_database, counting, linger=0.05, cap=100)
    await asyncio.gather(*(committer.submit(n) for n in range(250)))
    await committer.close()
    assert sum(groups) == 250
    assert max(groups) == 100
    assert len(groups) <= 4


async def test_poison_items_fail_alone(service_database: Database) -> None:
    committer = GroupCommitter(service_database, apply)
    outcomes = await asyncio.gather(
        *(committer.submit(n) for n in [1, 2, -3, 4, 5, -6, 7]), return_exceptions=True
    )
    await committer.close()
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [2, 4, 8, 10, 14]
    assert [str(outcome) for outcome in outcomes if isinstance(outcome, ValueError)] == [
        "poison -3",
        "poison -6",
    ]
    assert await stored(service_database) == [1, 2, 4, 5, 7]


async def test_a_store_function_that_answers_too_little_commits_nothing(service_database: Database) -> None:
    committer: GroupCommitter[int, int] = GroupCommitter(
        service_database, lambda connection, items: apply(connection, items)[1:]
    )
    outcomes = await asyncio.gather(*(committer.submit(n) for n in range(4)), return_exceptions=True)
    await committer.close()
    assert all(isinstance(outcome, RuntimeError) for outcome in outcomes)
    assert await stored(service_database) == []


async def test_cancelled_submitters_withdraw_or_are_committed_once(service_database: Database) -> None:
    committer = GroupCommitter(service_database, apply, linger=0.002, cap=16)
    tasks = [asyncio.create_task(committer.submit(n)) for n in range(200)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 20 == 0:
            await asyncio.sleep(0.002)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await committer.close()
    answered = {outcome // 2 for outcome in outcomes if isinstance(outcome, int)}
    found = await stored(service_database)
    assert len(found) == len(set(found))
    assert answered <= set(found)
    assert {n for n in range(200) if n % 3} <= answered


async def test_submitters_wait_when_too_many_are_pending(service_database: Database) -> None:
    release = asyncio.Event()
    committer = GroupCommitter(service_database, apply, linger=0.0, cap=4, max_pending=8)
    started = 0

    async def submit(number: int) -> None:
        nonlocal started
        started += 1
        await committer.submit(number)

    async def hold_the_writer() -> None:
        async with service_database.write() as transaction:
            await transaction.run(note, "other", "x", 0)
            await release.wait()

    holder = asyncio.create_task(hold_the_writer())
    if service_database.dialect == "postgresql":  # several writers: nothing to wait for
        release.set()
    submitters = [asyncio.create_task(submit(n)) for n in range(40)]
    await eventually(lambda: started == 40)
    assert committer.pending <= 8
    release.set()
    await asyncio.gather(holder, *submitters)
    await committer.close()
    assert await stored(service_database) == list(range(40))


async def test_close_commits_what_was_accepted(service_database: Database) -> None:
    committer = GroupCommitter(service_database, apply, linger=60.0)
    tasks = [asyncio.create_task(committer.submit(n)) for n in range(10)]
    await eventually(lambda: committer.pending == 10)
    await committer.close()
    assert await asyncio.gather(*tasks) == [n * 2 for n in range(10)]
    with pytest.raises(CommitterClosed):
        await committer.submit(11)
    assert await stored(service_database) == list(range(10))
