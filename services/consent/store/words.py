"""The SQL of people's last words on purposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.database import insert_for
from services.consent.rules.deciding import Word
from services.consent.tables import consents


@dataclass(frozen=True, slots=True)
class Kept:
    """A word, the language in which the text was shown, and the receipt that tells of it."""

    word: Word
    language: str
    receipt_id: str


def of_person(conn: Connection, user_id: str) -> dict[Purpose.ValueType, Kept]:
    """Every word of a person."""
    rows = conn.execute(select(consents).where(consents.c.user_id == user_id))
    return {
        Purpose.ValueType(row.purpose): Kept(
            Word(row.granted, row.text_version, row.changed_ms), row.language, row.receipt_id
        )
        for row in rows
    }


def put(conn: Connection, user_id: str, words: Mapping[Purpose.ValueType, Kept]) -> None:
    """Replace words of a person."""
    rows = [_row(user_id, purpose, kept) for purpose, kept in sorted(words.items())]
    if not rows:
        return
    statement = insert_for(conn, consents)
    changed = [column for column in rows[0] if column not in {"user_id", "purpose"}]
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[consents.c.user_id, consents.c.purpose],
            set_={name: statement.excluded[name] for name in changed},
        ),
        rows,
    )


def _row(user_id: str, purpose: Purpose.ValueType, kept: Kept) -> dict[str, object]:
    return {
        "user_id": user_id,
        "purpose": int(purpose),
        "granted": kept.word.granted,
        "text_version": kept.word.text_version,
        "language": kept.language,
        "receipt_id": kept.receipt_id,
        "changed_ms": kept.word.changed_ms,
    }
