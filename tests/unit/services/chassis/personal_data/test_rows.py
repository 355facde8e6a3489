"""Exporting and erasing the rows of one person among several."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
)

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.ulid import new_ulid
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction, open_database, personal
from services.chassis.erased_people import bury, digest_of, erased_among, unscrubbed
from services.chassis.migrations import chassis_metadata
from services.chassis.outbox import append, outbox
from services.chassis.personal_data import PersonalData, erase_rows, exporting

NONE, CONTENT, IDENTITY = personal("none"), personal("content"), personal("identity")
PEOPLE = ("ann", "bea", "cid")

metadata = MetaData()
rides = Table(
    "ride",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("user_id", String, nullable=False, info=IDENTITY),
)
laps = Table(
    "lap",
    metadata,
    Column("ride_id", ForeignKey("ride.id"), primary_key=True, info=NONE),
    Column("number", Integer, primary_key=True, info=NONE),
    Column("track", LargeBinary, nullable=True, info=CONTENT),
)
photos = Table(
    "photo",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("ride_id", ForeignKey("ride.id"), nullable=True, info=NONE),
    Column("user_id", String, nullable=True, info=IDENTITY),
)
tags = Table(
    "tag",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("ride_id", ForeignKey("ride.id"), nullable=True, info=NONE),
    Column("photo_id", ForeignKey("photo.id", ondelete="CASCADE"), nullable=True, info=NONE),
    Column("secret", String, nullable=True, info=CONTENT),
)

Rows = dict[str, list[dict[str, Any]]]


@st.composite
def lives(draw: st.DrawFn) -> Rows:
    """Rows of several people; what is tagged is one's own, or nobody's."""
    owners = draw(st.lists(st.sampled_from(PEOPLE), max_size=5))
    mine = [{"id": number, "user_id": owner} for number, owner in enumerate(owners)]
    lap_rows = [
        {"ride_id": ride["id"], "number": number, "track": b"\x00" * number}
        for ride in mine
        for number in range(draw(st.integers(0, 3)))
    ]
    photo_rows, tag_rows = [], []
    for number in range(draw(st.integers(0, 5))):
        ride = draw(st.sampled_from([None, *mine]))
        owner = ride["user_id"] if ride else draw(st.sampled_from([None, *PEOPLE]))
        photo_rows.append({"id": number, "ride_id": ride and ride["id"], "user_id": owner})
        same = [each["id"] for each in mine if each["user_id"] == owner]
        tag_rows.append(
            {"id": number, "ride_id": draw(st.sampled_from([None, *same])), "photo_id": number, "secret": "s"}
        )
    return {"ride": mine, "lap": lap_rows, "photo": photo_rows, "tag": tag_rows}


def without(rows: Rows, person: str) -> Rows:
    """What must be left, said without any SQL."""
    owner = {row["id"]: row["user_id"] for row in rows["ride"]}
    of_photo = {row["id"]: row["user_id"] for row in rows["photo"]}
    return {
        "ride": [row for row in rows["ride"] if row["user_id"] != person],
        "lap": [row for row in rows["lap"] if owner[row["ride_id"]] != person],
        "photo": [row for row in rows["photo"] if row["user_id"] != person],
        "tag": [
            row
            for row in rows["tag"]
            if person not in (owner.get(row["ride_id"]), of_photo.get(row["photo_id"]))
        ],
    }


def fill(connection: Connection, rows: Rows) -> None:
    for table in metadata.sorted_tables:
        if rows[table.name]:
            connection.execute(insert(table), rows[table.name])


def present(connection: Connection) -> Rows:
    return {
        table.name: [
            dict(row._mapping)
            for row in connection.execute(select(table).order_by(*table.primary_key.columns))
        ]
        for table in metadata.sorted_tables
    }


@settings(max_examples=60, deadline=None)
@given(rows=lives(), person=st.sampled_from(PEOPLE))
def test_erasing_one_leaves_exactly_the_others_and_counts_the_rest(rows: Rows, person: str) -> None:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys=ON"))
    with engine.connect() as connection:
        metadata.create_all(connection)
        chassis_metadata.create_all(connection)
        fill(connection, rows)
        places = erase_rows(connection, "test", metadata, person)
        left = without(rows, person)
        assert present(connection) == left
        counted = {place.place: place.count for place in places}
        for name in rows:
            assert counted[f"table {name}"] == len(rows[name]) - len(left[name])
        assert erase_rows(connection, "test", metadata, person) == places  # a repeat tells the same
        assert erased_among(connection, PEOPLE) == {person}
    engine.dispose()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}", schema="test")
    await opened.change_schema(chassis_metadata.create_all)
    await opened.change_schema(metadata.create_all)
    yield opened
    await opened.close()


async def exported(data: PersonalData, person: str) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, bytes] = {}
    async for path, content in data.export(person):
        parts[path] = parts.get(path, b"") + content
    return {path: [json.loads(line) for line in content.splitlines()] for path, content in parts.items()}


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_every_row_is_exported_once_however_pages_fall(
    database: Database, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", page)
    monkeypatch.setattr(exporting, "PAGE_OF_BINARIES", page)
    rows: Rows = {
        "ride": [{"id": number, "user_id": PEOPLE[number % 2]} for number in range(7)],
        "lap": [{"ride_id": ride, "number": n, "track": bytes([n])} for ride in range(7) for n in range(3)],
        "photo": [],
        "tag": [],
    }
    async with database.write() as transaction:
        await transaction.run(fill, rows)
    got = await exported(PersonalData("test", metadata, database), "ann")
    assert got.keys() == {"test/ride.jsonl", "test/lap.jsonl"}
    assert got["test/ride.jsonl"] == [row for row in rows["ride"] if row["user_id"] == "ann"]
    assert got["test/lap.jsonl"] == [
        row | {"track": {"base64": base64.b64encode(row["track"]).decode()}}
        for row in rows["lap"]
        if row["ride_id"] % 2 == 0
    ]


async def test_secrets_are_not_exported(database: Database) -> None:
    async with database.write() as transaction:
        await transaction.run(
            fill,
            {
                "ride": [{"id": 1, "user_id": "ann"}],
                "lap": [],
                "photo": [],
                "tag": [
                    {"id": 1, "ride_id": 1, "photo_id": None, "secret": "hush"},
                    {"id": 2, "ride_id": 1, "photo_id": None, "secret": None},
                ],
            },
        )
    got = await exported(PersonalData("test", metadata, database, withheld={"tag.secret"}), "ann")
    assert [row["secret"] for row in got["test/tag.jsonl"]] == [exporting.WITHHELD, None]


def event_of(subject: str) -> Envelope:
    return Envelope(event_id=new_ulid(), type="test.Event", producer="test", cell="eu", subject=subject)


class Effects:
    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def __call__(self, transaction: Transaction, envelope: Envelope) -> None:
        self.subjects.append(envelope.subject)


async def test_events_of_erased_people_have_no_effect_now_or_when_retried(database: Database) -> None:
    effects = Effects()
    consumer = Consumer("test.one", {"test.Event"}, effects, database)
    await consumer.park(event_of("bea"), "test", 1)
    assert await PersonalData("test", metadata, database).erase("ann")
    await consumer.handle([event_of("ann"), event_of("bea")])
    await consumer.park(event_of("ann"), "failed while they were erased", 1)
    assert [letter.envelope.subject for letter in await consumer.parked()] == ["bea"]
    assert await consumer.retry_parked() == 1
    assert (effects.subjects, consumer.passed_over) == (["bea", "bea"], 2)


async def test_a_dead_letter_of_who_was_erased_is_not_handled_again(database: Database) -> None:
    """One that an older version kept, or that a restored backup brought back."""
    effects = Effects()
    consumer = Consumer("test.one", {"test.Event"}, effects, database)
    await consumer.park(event_of("ann"), "test", 1)
    async with database.write() as transaction:
        await transaction.run(bury, "ann")
    assert await consumer.retry_parked() == 1
    assert (effects.subjects, await consumer.parked()) == ([], [])


async def test_waiting_events_and_dead_letters_of_a_person_go_and_are_counted(database: Database) -> None:
    consumer = Consumer("test.one", {"test.Event"}, Effects(), database)
    await consumer.park(event_of("ann"), "test", 1)
    await consumer.park(event_of("bea"), "test", 1)
    async with database.write() as transaction:
        for subject in ("ann", "bea", "ann"):
            await transaction.run(append, event_of(subject))
    places = await PersonalData("test", metadata, database).erase("ann")
    counts = {place.place: place.count for place in places}
    assert (counts["table dead_letter"], counts["table outbox"]) == (1, 2)
    async with database.read() as view:
        left = await view.run(lambda conn: conn.execute(select(outbox.c.envelope)).scalars().all())
    assert [Envelope.FromString(each).subject for each in left] == ["bea"]


async def test_a_scrub_that_a_dying_process_left_out_is_made_up_for(database: Database) -> None:
    """The rows are deleted, the process ends: free pages hold their bytes, the next round no row."""
    name = "Quentin-Quillfeather-" * 20
    async with database.write() as transaction:
        await transaction.run(fill, {"ride": [{"id": 1, "user_id": name}], "lap": [], "photo": [], "tag": []})
    async with database.write() as transaction:
        first = await transaction.run(erase_rows, "test", metadata, name)
    async with database.read() as view:
        assert await view.run(unscrubbed, name)
    assert await PersonalData("test", metadata, database).erase(name) == first  # what was found is not lost
    async with database.read() as view:
        assert not await view.run(unscrubbed, name)
    folder = Path(str(getattr(database, "path"))).parent  # noqa: B009 - of the SQLite adapter alone
    kept = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert name.encode() not in kept
    assert digest_of(name) in kept
