"""Attempts to sign in that await a second proof, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from services.auth.tables import sign_in_challenges


@dataclass(frozen=True, slots=True)
class Challenge:
    """One attempt: who, what was proved, and by which program."""

    challenge_sha256: bytes
    user_id: str
    methods: frozenset[str]
    client_id: str
    device_name: str
    wrong_proofs: int
    expires_ms: int


def add(conn: Connection, challenge: Challenge) -> None:
    """Keep a new attempt."""
    values = {name: getattr(challenge, name) for name in Challenge.__slots__}
    values["methods"] = " ".join(sorted(challenge.methods))
    conn.execute(insert(sign_in_challenges).values(values))


def lock(conn: Connection, challenge_sha256: bytes, now_ms: int) -> Challenge | None:
    """The attempt, unless it is over; nobody else changes it until the commit."""
    table = sign_in_challenges
    row = conn.execute(
        select(table)
        .where(table.c.challenge_sha256 == challenge_sha256, table.c.expires_ms > now_ms)
        .with_for_update()
    ).first()
    if row is None:
        return None
    values = {name: getattr(row, name) for name in Challenge.__slots__}
    values["methods"] = frozenset(row.methods.split())
    return Challenge(**values)


def count_wrong(conn: Connection, challenge_sha256: bytes) -> None:
    """One more proof was wrong."""
    table = sign_in_challenges
    conn.execute(
        update(table)
        .where(table.c.challenge_sha256 == challenge_sha256)
        .values(wrong_proofs=table.c.wrong_proofs + 1)
    )


def remove(conn: Connection, challenge_sha256: bytes) -> None:
    """The attempt is over."""
    table = sign_in_challenges
    conn.execute(delete(table).where(table.c.challenge_sha256 == challenge_sha256))


def forget(conn: Connection, now_ms: int) -> int:
    """Drop attempts that nobody completed in time."""
    table = sign_in_challenges
    return conn.execute(delete(table).where(table.c.expires_ms <= now_ms)).rowcount
