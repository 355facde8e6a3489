"""The SQL of people: where they live, and the head of their chain."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from services.chassis.database import insert_for
from services.consent.rules.deciding import Person
from services.consent.tables import people


@dataclass(frozen=True, slots=True)
class Record:
    """A person and the digest of their last receipt; empty where there is none."""

    person: Person
    head_sha256: str


_EMPTY = Record(Person(), "")
_columns = (
    people.c.country,
    people.c.region,
    people.c.birth_month,
    people.c.version,
    people.c.head_sha256,
)


def find(conn: Connection, user_id: str) -> Record:
    """What is known of a person; nothing, for a stranger."""
    row = conn.execute(select(*_columns).where(people.c.user_id == user_id)).one_or_none()
    return _EMPTY if row is None else Record(Person(row[0], row[1], row[2], row[3]), row[4])


def lock(conn: Connection, user_id: str, now_ms: int) -> Record:
    """The same, known from now on, and locked until the transaction ends: a chain grows in one order."""
    conn.execute(
        insert_for(conn, people)
        .values(
            user_id=user_id,
            country="",
            region="",
            birth_month="",
            version=0,
            head_sha256="",
            updated_ms=now_ms,
        )
        .on_conflict_do_nothing()
    )
    row = conn.execute(select(*_columns).where(people.c.user_id == user_id).with_for_update()).one()
    return Record(Person(row[0], row[1], row[2], row[3]), row[4])


def move(conn: Connection, user_id: str, person: Person, now_ms: int) -> None:
    """Change where a person lives, and when they were born."""
    conn.execute(
        update(people)
        .where(people.c.user_id == user_id)
        .values(
            country=person.country,
            region=person.region,
            birth_month=person.birth_month,
            updated_ms=now_ms,
        )
    )


def advance(conn: Connection, user_id: str, version: int, head_sha256: str, now_ms: int) -> None:
    """Note the new head of a person's chain."""
    conn.execute(
        update(people)
        .where(people.c.user_id == user_id)
        .values(version=version, head_sha256=head_sha256, updated_ms=now_ms)
    )


def after(conn: Connection, user_id: str, limit: int) -> list[str]:
    """The ids of people who come after `user_id`, in order: for walks over everybody."""
    query = select(people.c.user_id).where(people.c.user_id > user_id).order_by(people.c.user_id)
    return list(conn.execute(query.limit(limit)).scalars())
