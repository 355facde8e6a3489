"""What every `Database` promises; SQLite and PostgreSQL both keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from services.chassis.database import (
    Database,
    DatabaseClosed,
    StoreUnavailable,
    TransactionDoomed,
    insert_for,
    open_database,
    raise_signal,
    sqlite,
    sqlite_connection,
)

metadata = MetaData()
notes = Table("note", metadata, Column("id", Integer, primary_key=True), Column("text", String))


def add(connection: Connection, key: int, body: str = "x") -> int:
    connection.execute(insert(notes), {"id": key, "text": body})
    return key


def keys(connection: Connection) -> list[int]:
    return list(connection.execute(select(notes.c.id).order_by(notes.c.id)).scalars())


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(notes)).scalar_one()


async def stored(database: Database) -> list[int]:
    async with database.read() as transaction:
        return await transaction.run(keys)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened = open_database(url, schema="notes", pool_size=4)
    await opened.change_schema(metadata.create_all)
    yield opened
    await opened.close()


async def test_a_unit_of_work_commits_when_its_block_ends(database: Database) -> None:
    async with database.write() as transaction:
        assert await transaction.run(add, 1) == 1
        assert await transaction.run(add, 2) == 2
    assert await stored(database) == [1, 2]


async def test_an_exception_rolls_everything_back(database: Database) -> None:
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what raises
        async with database.write() as transaction:
            await transaction.run(add, 1)
            raise LookupError
    assert await stored(database) == []


async def test_an_unused_unit_of_work_does_nothing(database: Database) -> None:
    async with database.write():
        pass
    assert await stored(database) == []


async def test_a_domain_error_raised_in_a_store_function_may_be_handled_and_the_rest_committed(
    database: Database,
) -> None:
    def refuse(_connection: Connection) -> None:
        raise LookupError

    async with database.write() as transaction:
        await transaction.run(add, 1)
        with pytest.raises(LookupError):
            await transaction.run(refuse)
        await transaction.run(add, 2)
    assert await stored(database) == [1, 2]


async def test_swallowing_a_failed_statement_cannot_commit_half_of_the_work(database: Database) -> None:
    with pytest.raises(TransactionDoomed):  # noqa: PT012 - the unit of work is what raises
        async with database.write() as transaction:
            await transaction.run(add, 1)
            with pytest.raises(IntegrityError):
                await transaction.run(add, 1)
    assert await stored(database) == []


async def test_a_savepoint_survives_a_failed_statement(database: Database) -> None:
    def add_unless_there(connection: Connection, key: int) -> None:
        try:
            with connection.begin_nested():
                add(connection, key)
        except IntegrityError:
            pass

    async with database.write() as transaction:
        await transaction.run(add, 1)
        await transaction.run(add_unless_there, 1)
        await transaction.run(add, 2)
    assert await stored(database) == [1, 2]


async def test_after_commit_is_called_once_committed_and_in_order(database: Database) -> None:
    seen: list[str] = []
    async with database.write() as transaction:
        transaction.after_commit(lambda: seen.append("first"))
        transaction.after_commit(lambda: seen.append("second"))
        await transaction.run(add, 1)
        assert seen == []
    assert seen == ["first", "second"]


async def test_after_commit_is_not_called_after_a_rollback(database: Database) -> None:
    seen: list[str] = []
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what raises
        async with database.write() as transaction:
            transaction.after_commit(lambda: seen.append("called"))
            await transaction.run(add, 1)
            raise LookupError
    assert seen == []


async def test_a_failing_after_commit_callback_does_not_undo_or_hide_the_commit(database: Database) -> None:
    def explode() -> None:
        raise RuntimeError("callback")

    seen: list[str] = []
    async with database.write() as transaction:
        transaction.after_commit(explode)
        transaction.after_commit(lambda: seen.append("after"))
        await transaction.run(add, 1)
    assert seen == ["after"]
    assert await stored(database) == [1]


async def test_a_signal_reaches_subscribers_after_the_commit_only(database: Database) -> None:
    seen: list[str] = []
    unsubscribe = database.on_signal("notes", lambda: seen.append("signal"))
    with pytest.raises(LookupError):  # noqa: PT012 - the unit of work is what raises
        async with database.write() as transaction:
            await transaction.run(raise_signal, "notes")
            raise LookupError
    async with database.write() as transaction:
        await transaction.run(add, 1)
    assert seen == []
    async with database.write() as transaction:
        await transaction.run(raise_signal, "notes")
        await transaction.run(raise_signal, "notes")
    assert seen == ["signal"]
    unsubscribe()
    async with database.write() as transaction:
        await transaction.run(raise_signal, "notes")
    assert seen == ["signal"]


async def test_readers_go_on_beside_a_writer_and_do_not_see_what_is_not_committed(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.run(add, 1)
        assert await stored(database) == []
    assert await stored(database) == [1]


async def test_a_read_transaction_sees_one_state_throughout(database: Database) -> None:
    async with database.read() as reader:
        assert await reader.run(count) == 0
        async with database.write() as writer:
            await writer.run(add, 1)
        assert await reader.run(count) == 0
    assert await stored(database) == [1]


async def test_a_read_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        async with database.read() as transaction:
            await transaction.run(add, 1)
    assert await stored(database) == []


async def test_store_functions_of_one_unit_do_not_overlap(database: Database) -> None:
    async with database.write() as transaction:
        outcomes = await asyncio.gather(
            transaction.run(add, 1), transaction.run(add, 2), return_exceptions=True
        )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], RuntimeError)
    assert await stored(database) == [1]


async def test_a_unit_cannot_be_used_after_its_block(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.run(add, 1)
    with pytest.raises(RuntimeError, match="over"):
        await transaction.run(add, 2)


async def test_many_concurrent_writers_all_commit(database: Database) -> None:
    async def write(key: int) -> None:
        async with database.write() as transaction:
            await transaction.run(add, key)

    await asyncio.gather(*(write(key) for key in range(100)))
    assert await stored(database) == list(range(100))


async def test_a_cancelled_unit_rolls_back_and_the_next_one_works(database: Database) -> None:
    entered = asyncio.Event()

    async def hang() -> None:
        async with database.write() as transaction:
            await transaction.run(add, 1)
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as transaction:
        await transaction.run(add, 1)
    assert await stored(database) == [1]


async def test_a_timeout_swallowed_inside_the_unit_cannot_commit_half_of_the_work(database: Database) -> None:
    counting = "SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000"
    slow = f"WITH RECURSIVE n(i) AS ({counting}) SELECT max(i) FROM n"

    def stall(connection: Connection) -> None:
        connection.exec_driver_sql(slow)

    with pytest.raises(TransactionDoomed):  # noqa: PT012 - the unit of work is what raises
        async with database.write() as transaction:
            await transaction.run(add, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await transaction.run(stall)
    assert await stored(database) == []


async def test_cancellation_at_any_moment_leaves_no_partial_work_and_no_stuck_connection(
    database: Database,
) -> None:
    async def pair(key: int) -> None:
        async with database.write() as transaction:
            await transaction.run(add, key)
            await transaction.run(add, key + 1)

    committed = 0
    for round_number in range(60):
        task = asyncio.create_task(pair(round_number * 2))
        for _ in range(round_number % 12):
            await asyncio.sleep(0 if round_number % 3 else 0.0005)
        task.cancel()
        try:
            await task
            committed += 1
        except asyncio.CancelledError:
            pass
    found = await stored(database)
    assert [key for key in found if key % 2 == 0 and key + 1 not in found] == []
    assert len(found) >= 2 * committed
    await asyncio.gather(*(database.ping() for _ in range(20)))
    async with database.write() as transaction:
        await transaction.run(add, 1_000)


async def test_insert_for_ignores_what_is_there_and_returns_what_was_new(database: Database) -> None:
    def put(connection: Connection, wanted: list[int]) -> list[int]:
        statement = insert_for(connection, notes).on_conflict_do_nothing().returning(notes.c.id)
        return sorted(connection.execute(statement, [{"id": key, "text": ""} for key in wanted]).scalars())

    async with database.write() as transaction:
        assert await transaction.run(put, [1, 2]) == [1, 2]
    async with database.write() as transaction:
        assert await transaction.run(put, [2, 3]) == [3]


async def test_one_holder_of_a_role_at_a_time(database: Database) -> None:
    async with database.leadership("relay") as first:
        assert first is not None
        assert first.held()
        async with database.leadership("relay") as second:
            assert second is None
        async with database.leadership("other") as other:
            assert other is not None
    async with database.leadership("relay") as again:
        assert again is not None


async def test_schema_changes_are_atomic(database: Database) -> None:
    def half(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id integer)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.change_schema(half)
    await database.change_schema(
        lambda connection: connection.exec_driver_sql("CREATE TABLE half (id integer)")
    )


async def test_ping_answers(database: Database) -> None:
    await database.ping()


async def test_a_closed_database_says_so(database: Database) -> None:
    await database.close()
    await database.close()
    with pytest.raises(DatabaseClosed):
        async with database.write():
            pass
    with pytest.raises(DatabaseClosed):
        await database.ping()


async def test_close_waits_for_the_unit_that_is_open(database_url: str) -> None:
    database = open_database(database_url, schema="notes")
    await database.change_schema(metadata.create_all)
    async with database.write() as transaction:
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0.02)
        assert not closing.done()
        await transaction.run(add, 1)
    await closing
    again = open_database(database_url, schema="notes")
    assert await stored(again) == [1]
    await again.close()


async def test_no_server_is_store_unavailable() -> None:
    database = open_database("postgresql://nobody@127.0.0.1:1/none", schema="notes")
    with pytest.raises(StoreUnavailable) as caught:
        await database.ping()
    assert caught.value.retry_after > 0
    await database.close()


SECRET = "the peculiar quince of Quillfeather "


def remove(connection: Connection, key: int) -> None:
    connection.execute(delete(notes).where(notes.c.id == key))


def kept_in_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_scrub_keeps_what_was_not_deleted(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.run(add, 1, SECRET * 100)
        await transaction.run(add, 2)
    async with database.write() as transaction:
        await transaction.run(remove, 1)
    await database.scrub()
    await database.scrub()  # with nothing to do
    assert await stored(database) == [2]
    async with database.write() as transaction:
        await transaction.run(add, 3)
    assert await stored(database) == [2, 3]


async def test_a_scrub_leaves_an_open_reader_its_view(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.run(add, 1, SECRET * 100)
    async with database.read() as before:
        await before.run(keys)  # PostgreSQL's default isolation sees each statement's own moment
        async with database.write() as transaction:
            await transaction.run(remove, 1)
        scrubbing = asyncio.create_task(database.scrub())
        await asyncio.sleep(0.05)
        assert await before.run(keys) in ([1], [])
    await scrubbing
    assert await stored(database) == []


async def test_a_scrubbed_sqlite_file_and_its_log_hold_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")
    await database.change_schema(metadata.create_all)
    async with database.write() as transaction:
        await transaction.run(add, 1, SECRET * 1000)
        await transaction.run(add, 2, "x" * 100_000)
    assert SECRET.encode() in kept_in_files(tmp_path)
    async with database.read() as before:
        assert await before.run(keys) == [1, 2]
        async with database.write() as transaction:
            await transaction.run(remove, 1)
        scrubbing = asyncio.create_task(database.scrub())
        await asyncio.sleep(0.3)
        assert not scrubbing.done()  # the reader's view is in the log, and so is the text
        assert await before.run(keys) == [1, 2]
        assert await stored(database) == [2]  # other readers go on
    await scrubbing
    assert SECRET.encode() not in kept_in_files(tmp_path)
    assert await stored(database) == [2]
    await database.close()


async def test_a_scrub_gives_up_on_a_reader_who_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "SCRUB_PATIENCE_S", 0.0)
    monkeypatch.setattr(sqlite_connection, "BUSY_TIMEOUT_MS", 20)
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")
    await database.change_schema(metadata.create_all)
    async with database.read() as before:
        await before.run(keys)
        async with database.write() as transaction:
            await transaction.run(add, 1)
        with pytest.raises(StoreUnavailable):
            await database.scrub()
    await database.scrub()
    await database.close()
