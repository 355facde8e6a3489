"""Which rows are a person's: by name, through parents, and where nobody can tell."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)

from services.chassis.database import personal
from services.chassis.personal_data import rows_of, unreachable_tables

NONE, CONTENT = personal("none"), personal("content")

metadata = MetaData()
rides = Table(
    "ride",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("user_id", String, info=personal("identity")),
)
laps = Table(
    "lap",
    metadata,
    Column("ride_id", ForeignKey("ride.id"), primary_key=True, info=NONE),
    Column("number", Integer, primary_key=True, info=NONE),
)
splits = Table(
    "split",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("ride_id", Integer, info=NONE),
    Column("number", Integer, info=NONE),
    ForeignKeyConstraint(["ride_id", "number"], ["lap.ride_id", "lap.number"]),
)
notes = Table(
    "note",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("ride_id", ForeignKey("ride.id"), nullable=True, info=NONE),
    Column("other_ride_id", ForeignKey("ride.id"), nullable=True, info=NONE),
    Column("answers_id", ForeignKey("note.id", ondelete="CASCADE"), nullable=True, info=NONE),
    Column("text", String, info=CONTENT),
)
weathers = Table(
    "weather",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("ride_id", ForeignKey("ride.id", ondelete="SET NULL"), nullable=True, info=NONE),
    Column("text", String, info=CONTENT),
)
loops = Table(
    "loop",
    metadata,
    Column("id", Integer, primary_key=True, info=NONE),
    Column("parent_id", ForeignKey("loop.id"), info=NONE),
    Column("text", String, info=CONTENT),
)
counters = Table("counter", metadata, Column("id", Integer, primary_key=True, info=NONE))


def filled() -> Connection:
    connection = create_engine("sqlite://").connect()
    metadata.create_all(connection)
    connection.execute(insert(rides), [{"id": 1, "user_id": "ann"}, {"id": 2, "user_id": "bea"}])
    connection.execute(
        insert(laps), [{"ride_id": ride, "number": number} for ride, number in ((1, 1), (1, 2), (2, 1))]
    )
    connection.execute(
        insert(splits),
        [
            {"id": 1, "ride_id": 1, "number": 2},
            {"id": 2, "ride_id": 2, "number": 1},
            {"id": 3, "ride_id": 1, "number": None},
        ],
    )
    connection.execute(
        insert(notes),
        [
            {"id": 1, "ride_id": 1, "other_ride_id": None, "answers_id": None},
            {"id": 2, "ride_id": None, "other_ride_id": 2, "answers_id": None},
            {"id": 3, "ride_id": 1, "other_ride_id": 2, "answers_id": None},
            {"id": 4, "ride_id": None, "other_ride_id": None, "answers_id": 1},
        ],
    )
    return connection


def ids(table: Table, user_id: str) -> list[int]:
    with filled() as connection:
        condition = rows_of(table, user_id)
        assert condition is not None
        return list(connection.execute(select(table.c.id).where(condition).order_by(table.c.id)).scalars())


def test_a_row_with_a_person_is_theirs() -> None:
    assert (ids(rides, "ann"), ids(rides, "bea"), ids(rides, "cid")) == ([1], [2], [])


def test_a_key_of_two_columns_leads_to_its_row_alone() -> None:
    """Column by column it would lead to whoever has a lap of the same number."""
    assert (ids(splits, "ann"), ids(splits, "bea")) == ([1], [2])


def test_a_row_with_two_parents_is_of_both_and_one_with_none_of_nobody() -> None:
    assert (ids(notes, "ann"), ids(notes, "bea")) == ([1, 3], [2, 3])


def test_what_outlives_its_parent_does_not_belong_to_it() -> None:
    assert rows_of(weathers, "ann") is None


def test_tables_that_lead_to_nobody_are_told() -> None:
    assert rows_of(loops, "ann") is None
    assert rows_of(counters, "ann") is None
    assert unreachable_tables(metadata) == ["loop", "weather"]
    assert unreachable_tables(metadata, {"weather", "loop"}) == []
