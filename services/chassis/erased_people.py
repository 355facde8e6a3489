"""People who were erased: remembered as a digest, so that what still arrives of theirs has no effect."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    false,
    select,
    update,
)

from services.chassis.database import insert_for, personal
from services.chassis.outbox import metadata

erased_people = Table(
    "erased_people",
    metadata,
    # SHA-256 of the user id. Ids hold 80 random bits, so that it leads back to nobody.
    Column("digest", LargeBinary(32), primary_key=True, info=personal("none")),
    Column("erased_ms", BigInteger, nullable=False, info=personal("none")),
    # What was erased at each place, in all rounds, as JSON: an answer that was lost is given again.
    Column("places", Text, nullable=False, server_default="[]", info=personal("none")),
    # The files may still hold what was deleted.
    Column("unscrubbed", Boolean, nullable=False, server_default=false(), info=personal("none")),
)


def digest_of(user_id: str) -> bytes:
    """What is remembered of an erased person."""
    return hashlib.sha256(b"pulsemesh erased person\0" + user_id.encode()).digest()


def bury(connection: Connection, user_id: str) -> None:
    """Store function: from now on nothing of this person is taken in."""
    row = {"digest": digest_of(user_id), "erased_ms": time.time_ns() // 1_000_000}
    connection.execute(insert_for(connection, erased_people).on_conflict_do_nothing(), row)


def tally(connection: Connection, user_id: str) -> str:
    """Store function: what was erased of a buried person so far; "[]" at first. Locked until the commit."""
    query = select(erased_people.c.places).where(erased_people.c.digest == digest_of(user_id))
    return str(connection.execute(query.with_for_update()).scalar_one())


def put_tally(connection: Connection, user_id: str, places: str, *, found: bool) -> None:
    """Store function: note what was erased; `found` when this time there was something, so that a scrub is
    due.
    """
    values: dict[str, object] = {"places": places} | ({"unscrubbed": True} if found else {})
    connection.execute(
        update(erased_people).where(erased_people.c.digest == digest_of(user_id)).values(values)
    )


def unscrubbed(connection: Connection, user_id: str) -> bool:
    """Store function: whether the files may still hold what was deleted of a person."""
    query = select(erased_people.c.unscrubbed).where(erased_people.c.digest == digest_of(user_id))
    return bool(connection.execute(query).scalar_one_or_none())


def scrubbed(connection: Connection, user_id: str) -> None:
    """Store function: the files hold nothing of a person any more."""
    mine = erased_people.c.digest == digest_of(user_id)
    connection.execute(update(erased_people).where(mine).values(unscrubbed=False))


def erased_among(connection: Connection, user_ids: Collection[str]) -> set[str]:
    """Store function: those of these people who were erased."""
    by_digest = {digest_of(user_id): user_id for user_id in user_ids if user_id}
    if not by_digest:
        return set()
    found = connection.execute(
        select(erased_people.c.digest).where(erased_people.c.digest.in_(list(by_digest)))
    )
    return {by_digest[bytes(row.digest)] for row in found}
