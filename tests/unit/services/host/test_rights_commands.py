"""`pulsemesh-server rights …`, as an operator types it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert, select

from pulsemesh.consent.v1 import rights_pb2
from services.chassis.erased_people import bury, digest_of
from services.chassis.settings import Settings
from services.consent.rights import requesting, store
from services.consent.tables import restrictions, rights_requests
from services.host.cli import main
from services.host.databases import migrate, open_schema
from services.host.registry import domain_names, load_modules

NOW_MS = 1_795_000_000_000


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Two people with a row each; one has an erasure that hangs, somebody else is erased already."""
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    await migrate(settings, load_modules(domain_names()))
    database = open_schema(settings, "consent")
    async with database.write() as transaction:
        await transaction.run(_live)
    await database.close()


def _live(conn: Connection) -> None:
    conn.execute(
        insert(restrictions), [{"user_id": name, "restricted_ms": 1} for name in ("eu_ann", "eu_bea")]
    )
    row = requesting.request(conn, "eu_ann", rights_pb2.RIGHTS_KIND_ERASURE, NOW_MS, NOW_MS)
    store.begin(conn, row.request_pk)
    trouble = rights_pb2.DomainProgress(domain="lake", trouble="UNAVAILABLE")
    store.note(conn, row.request_pk, rights_pb2.RightsRequest(domains=[trouble]))
    store.put_off(conn, row.request_pk, 2**42)
    bury(conn, "eu_cid")


def run(data_dir: Path, *words: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["rights", *words, "--data-dir", str(data_dir)], input=given)


def requests(data_dir: Path) -> dict[str, int]:
    """People with a request, and when it is due."""

    async def read() -> dict[str, int]:
        database = open_schema(Settings(data_dir=data_dir), "consent")
        query = select(rights_requests.c.user_id, rights_requests.c.due_ms)
        async with database.read() as view:
            found = await view.run(lambda conn: {row.user_id: row.due_ms for row in conn.execute(query)})
        await database.close()
        return found

    return asyncio.run(read())


def test_what_hangs_is_told_with_its_trouble_and_without_its_person(data_dir: Path) -> None:
    shown = run(data_dir, "waiting").output
    assert "erasure  running" in shown
    assert "failed 1 times  lake: UNAVAILABLE" in shown
    assert "eu_ann" not in shown


def test_a_request_that_hangs_is_due_at_once_when_it_is_retried(data_dir: Path) -> None:
    request_id = run(data_dir, "waiting").output.split()[0]
    assert run(data_dir, "retry", request_id).exit_code == 0
    assert requests(data_dir)["eu_ann"] < 2**42
    assert run(data_dir, "retry", "0" * 26).exit_code == 2


def test_whoever_a_restore_brought_back_is_erased_again(data_dir: Path) -> None:
    assert run(data_dir, "erased").output.split() == [digest_of("eu_cid").hex()]
    printed = "\n".join(digest_of(name).hex() for name in ("eu_bea", "eu_dan"))
    result = run(data_dir, "erase-again", "-", given=printed)
    assert (result.exit_code, result.output) == (0, "1 people are erased again once a server runs\n")
    assert requests(data_dir).keys() == {"eu_ann", "eu_bea"}


def test_what_is_no_digest_is_refused_before_anything_is_erased(data_dir: Path) -> None:
    assert run(data_dir, "erase-again", "-", given="eu_bea\n").exit_code == 2
    assert requests(data_dir).keys() == {"eu_ann"}


def test_the_database_of_a_running_server_is_left_alone(data_dir: Path) -> None:
    async def while_served() -> Result:
        database = open_schema(Settings(data_dir=data_dir), "consent")
        try:
            return await asyncio.to_thread(run, data_dir, "waiting")
        finally:
            await database.close()

    assert asyncio.run(while_served()).exit_code == 5
