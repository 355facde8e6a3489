"""Export, erasure, restriction: a person with data in every domain, on a real platform."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
import redis.asyncio as redis

from ingest_edge.files.pulsemesh_archive import open_archive
from pulsemesh import Client, connect, errors
from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.type.v1 import personal_data_pb2
from services.auth.issuer import DevelopmentIssuer
from services.chassis.erased_people import digest_of
from services.chassis.settings import load_settings
from services.host.platform import Platform, running_platform

PATIENCE_S = 60.0
TITLE, NAME, BIKE = "Round the peculiar quince", "Quentin Quillfeather", "Rust bucket of Quillfeather"
START = datetime(2026, 6, 1, 7, tzinfo=UTC)


@dataclass
class Served:
    """The platform, and how to be somebody on it."""

    platform: Platform
    data_dir: Path
    connect: Callable[[str], Client]


def user_id(data_dir: Path, login: str) -> str:
    return DevelopmentIssuer(data_dir, cell="eu", issuer="pulsemesh-eu").issue(login).user_id


@pytest.fixture(params=["embedded", "distributed"])
async def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setenv("PULSEMESH_CONSENT_ERASURE_GRACE_H", "0")
    monkeypatch.setenv("PULSEMESH_CONSENT_ERASURE_SETTLING_S", "0.2")
    chosen: dict[str, Any] = {
        "data_dir": tmp_path,
        "server": {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 3.0},
        "telemetry": {"log_level": "warning"},
    }
    if request.param == "distributed":
        store = request.getfixturevalue("redis_url")
        chosen |= {
            "database": {"url": request.getfixturevalue("postgres_url")},
            "bus": {"url": store},
            "store": {"limits_url": store, "cache_url": store, "live_url": store},
        }
    clients: list[Client] = []
    async with running_platform(load_settings(chosen)) as platform:

        def connected(login: str) -> Client:
            issuer = DevelopmentIssuer(tmp_path, cell="eu", issuer="pulsemesh-eu")
            clients.append(connect(platform.address, issuer.issue(login).access_token))
            return clients[-1]

        yield Served(platform, tmp_path, connected)
        for client in clients:
            await client.close()


async def live_a_little(client: Client, title: str = TITLE, name: str = NAME, bike: str = BIKE) -> str:
    """A workout with a title, a name, a bike, a consent: something in every domain. The workout's id."""
    async with client.ingest.record("cycling", ["heart_rate", "power"], start=START) as live:
        for second in range(90):
            at = START + timedelta(seconds=second)
            await live.add(at, heart_rate=130 + second % 7, power=200 + second % 11)
    (workout,) = [each async for each in client.workouts.list()]
    await client.workouts.update(workout.workout_id, title=title)
    await client.profile.update(display_name=name)
    await client.gear.add("bike", bike)
    await client.consent.set_jurisdiction("DE", birth_month="1990-07")
    offered = await client.consent.purposes("research")
    await client.consent.grant([each.text for each in offered.purposes])
    return workout.workout_id


async def finished(
    ask: Callable[[], Any], state: int = rights_pb2.RIGHTS_STATE_DONE
) -> rights_pb2.RightsRequest:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            request: rights_pb2.RightsRequest = await ask()
            if request.state == state:
                return request
            await asyncio.sleep(1.1)  # a report may be asked for sixty times a minute


async def newest(client: Client) -> rights_pb2.RightsRequest:
    return await anext(client.rights.requests())


async def everything_kept(served: Served) -> bytes:
    """All bytes of all stores but the audit log: files of the data directory, every row, every key."""
    kept = [
        path.read_bytes()
        for path in served.data_dir.rglob("*")
        if path.is_file() and "audit" not in path.relative_to(served.data_dir).as_posix()
    ]
    settings = served.platform.settings
    if settings.database_url.startswith("postgresql"):
        kept += await rows_of_every_table(settings.database_url)
    if settings.bus.url.startswith("redis"):
        kept += await values_of_every_key(settings.bus.url)
    return b"\0".join(kept)


async def rows_of_every_table(url: str) -> list[bytes]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = []
        for table in tables:
            for row in await connection.fetch(f'SELECT * FROM "{table[0]}"."{table[1]}"'):
                found += [
                    value if isinstance(value, bytes) else str(value).encode() for value in row.values()
                ]
        return found
    finally:
        await connection.close()


async def values_of_every_key(url: str) -> list[bytes]:
    client = redis.Redis.from_url(url)
    try:
        found = []
        async for key in client.scan_iter():
            if b"limit" in key:
                continue  # a counter's key names its caller; it expires within the hour, as the report says
            found += [key, await client.dump(key) or b""]
            if await client.type(key) == b"stream":
                entries: Any = await client.xrange(key)
                found += [value for _, fields in entries for value in fields.values()]
        return found
    finally:
        await client.aclose()


async def test_an_erased_person_leaves_no_trace(served: Served) -> None:
    client, other = served.connect("quentin"), served.connect("rosalind")
    me, them = (user_id(served.data_dir, login) for login in ("quentin", "rosalind"))
    await live_a_little(client)
    theirs = await live_a_little(other, "Up the hill", "Rosalind", "Commuter")
    before = await everything_kept(served)
    for trace in (me, TITLE, NAME, BIKE):
        assert trace.encode() in before

    asked = await client.rights.request_erasure(me)
    done = await finished(lambda: other.rights.report(asked.rights_request_id))

    after = await everything_kept(served)
    for trace in (me, me.removeprefix("eu_"), TITLE, NAME, BIKE):
        assert trace.encode() not in after
    assert after.count(digest_of(me)) >= 1  # that somebody was erased is remembered; who, is not
    assert them.encode() in after
    assert (await other.workouts.get(theirs)).title == "Up the hill"
    counts = {(place.domain, place.place): place.count for place in done.places}
    assert counts["workout", "table workouts"] == 1
    assert counts["profile", "table profiles"] == 1
    assert counts["profile", "table gear"] == 1
    assert counts["consent", "table receipts"] >= 1
    kept = [place.place for place in done.places if place.outcome == personal_data_pb2.ERASURE_OUTCOME_KEPT]
    assert kept == ["audit log"]
    assert me not in str(done)


async def test_an_export_holds_every_domain_and_our_own_tools_read_it(served: Served, tmp_path: Path) -> None:
    client = served.connect("quentin")
    await live_a_little(client)
    asked = await client.rights.request_export()
    assert (await client.rights.request_export()).rights_request_id == asked.rights_request_id
    done = await finished(lambda: newest(client))
    path = tmp_path / "mine.zip"
    assert await client.rights.save_export(done.rights_request_id, path) == done.size_bytes

    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {"personal-data/profile/profiles.jsonl", "personal-data/consent/receipts.jsonl"} <= names
        profile = json.loads(archive.read("personal-data/profile/profiles.jsonl"))
        index = json.loads(archive.read("personal-data/index.json"))
    assert NAME in profile.values()
    assert index["person"] == user_id(served.data_dir, "quentin")
    with open_archive(path) as archive_of_workouts:
        (entry,) = archive_of_workouts.entries()
        assert entry.read().title == TITLE
    assert path.stat().st_size == done.size_bytes


async def test_strangers_see_neither_requests_nor_archives(served: Served) -> None:
    client, other = served.connect("quentin"), served.connect("rosalind")
    asked = await client.rights.request_export()
    with pytest.raises(errors.NotFound):
        await other.rights.save_export(asked.rights_request_id, served.data_dir / "theirs.zip")
    with pytest.raises(errors.NotFound):
        await other.rights.cancel(asked.rights_request_id)
    with pytest.raises(errors.NotFound):
        await other.rights.report(asked.rights_request_id)
    assert [each async for each in other.rights.requests()] == []


async def test_an_erasure_must_be_confirmed_by_ones_own_id(served: Served) -> None:
    client = served.connect("quentin")
    with pytest.raises(errors.InvalidArgument):
        await client.rights.request_erasure(user_id(served.data_dir, "rosalind"))
    assert [each async for each in client.rights.requests()] == []


async def test_an_erasure_is_asked_for_soon_after_a_sign_in(served: Served) -> None:
    long_ago = DevelopmentIssuer(
        served.data_dir, cell="eu", issuer="pulsemesh-eu", clock_s=lambda: time.time() - 1_000
    )
    token = long_ago.issue("quentin").access_token
    async with connect(served.platform.address, token) as client:
        with pytest.raises(errors.PermissionDenied) as refused:
            await client.rights.request_erasure(user_id(served.data_dir, "quentin"))
        assert "sign in again" in str(refused.value)
        assert [each async for each in client.rights.requests()] == []
