"""Opening databases, the one-process lock, the annotations, and which failures pass by themselves."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.chassis.database import (
    DatabaseInUse,
    StoreUnavailable,
    columns_holding,
    open_database,
    personal,
    unclassified_columns,
)
from services.chassis.database.errors import as_unavailable


async def test_a_second_opening_of_a_file_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")
    with pytest.raises(DatabaseInUse, match=rf"process {os.getpid()}.*PostgreSQL"):
        open_database(f"sqlite:///{tmp_path}", schema="notes")
    other = open_database(f"sqlite:///{tmp_path}", schema="others")
    await other.close()
    await database.close()
    again = open_database(f"sqlite:///{tmp_path}", schema="notes")
    await again.close()


def test_another_process_is_refused_and_a_dead_one_leaves_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from services.chassis.database import open_database\n"
        "open_database(sys.argv[1], schema='notes')\n"
        "print('open', flush=True)\n"
        "time.sleep(60)\n"
    )
    url = f"sqlite:///{tmp_path}"
    with subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse, match=f"process {process.pid}"):
            open_database(url, schema="notes")
        process.kill()
    database = open_database(url, schema="notes")
    asyncio.run(database.close())


async def test_a_fresh_schema_is_in_the_file_itself_and_not_only_in_the_log(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'data'}", schema="notes")
    metadata = MetaData()
    Table("note", metadata, Column("id", Integer, primary_key=True))
    await database.change_schema(metadata.create_all)
    copy = tmp_path / "copy.db"
    copy.write_bytes((tmp_path / "data" / "notes.db").read_bytes())  # without the -wal file
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("note",)]
    connection.close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    await database.close()


async def test_sqlite_is_set_up_for_durability(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")
    async with database.write() as transaction:
        for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}.items():
            found = await transaction.run(
                lambda connection, name=pragma: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()  # type: ignore[misc]
            )
            assert found == value
    await database.close()


async def test_a_file_locked_by_a_foreign_program_is_store_unavailable(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")
    await database.ping()
    intruder = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        async with database.write() as transaction:
            await transaction.run(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=10"))
    intruder.execute("ROLLBACK")
    intruder.close()
    await database.ping()
    await database.close()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "not a url", "postgres//secret@x"]
)
def test_an_unusable_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="database|sqlite") as caught:  # noqa: RUF043
        open_database(url, schema="notes")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("schema", ["", "Notes", 'a"; drop', "1a", "a" * 64])
def test_a_strange_schema_name_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        open_database("sqlite:///data", schema=schema)


def test_columns_without_an_annotation_are_found() -> None:
    metadata = MetaData()
    Table(
        "person",
        metadata,
        Column("id", Integer, info=personal("none")),
        Column("name", String, info=personal("identity")),
        Column("forgotten", String),
        Column("misspelt", String, info={"personal_data": "secret"}),
    )
    assert unclassified_columns(metadata) == ["person.forgotten", "person.misspelt"]
    assert columns_holding("identity", metadata) == ["person.name"]


class ServerError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "state", ["08006", "40001", "40P01", "53300", "53100", "57P01", "57P03", "55P03", "25006"]
)
def test_conditions_of_the_server_that_pass_are_store_unavailable(state: str) -> None:
    unavailable = as_unavailable(DBAPIError("SELECT", {}, ServerError(state)))
    assert unavailable is not None
    assert unavailable.retry_after > 0


@pytest.mark.parametrize("state", ["23505", "42601", "22001", "57014", "P0001"])
def test_faults_of_the_statement_are_not(state: str) -> None:
    assert as_unavailable(IntegrityError("INSERT", {}, ServerError(state))) is None


def test_a_commit_cut_off_by_the_network_is_uncertain_and_one_refused_is_not() -> None:
    lost = as_unavailable(DBAPIError("COMMIT", {}, ServerError("08006")), committing=True)
    refused = as_unavailable(DBAPIError("COMMIT", {}, ServerError("40001")), committing=True)
    assert lost is not None
    assert lost.commit_uncertain
    assert refused is not None
    assert not refused.commit_uncertain


async def test_a_cancelled_waiter_for_the_writer_leaves_the_queue(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}", schema="notes")

    async def enter() -> None:
        async with database.write():
            pass

    async with database.write():
        waiter = asyncio.create_task(enter())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    await enter()
    await database.close()
