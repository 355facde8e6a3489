"""The SQL of rules, and of what owners chose for single workouts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from services.chassis.database import insert_for
from services.profile.gear.assigning import RuleKey, RuleKind, Rules
from services.profile.tables.gear import (
    gear_choice_items,
    gear_choices,
    gear_rule_items,
    gear_rules,
)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A rule's key with its words as they were written."""

    key: RuleKey
    shown: str


def load(conn: Connection, user_id: str) -> Rules:
    """All rules of a person, with their history."""
    items: dict[int, list[int]] = {}
    for rule_pk, gear_pk in conn.execute(
        select(gear_rule_items.c.rule_pk, gear_rule_items.c.gear_pk).where(
            gear_rule_items.c.user_id == user_id
        )
    ):
        items.setdefault(rule_pk, []).append(gear_pk)
    rules = Rules()
    for row in conn.execute(select(gear_rules).where(gear_rules.c.user_id == user_id)):
        rules.add(_key(row), row.from_ms, items.get(row.rule_pk, ()))
    return rules


def shown_keys(conn: Connection, user_id: str) -> list[ShownKey]:
    """The keys of all rules, each once, in a lasting order."""
    rows = conn.execute(
        select(gear_rules).where(gear_rules.c.user_id == user_id).order_by(gear_rules.c.rule_pk)
    )
    return [ShownKey(key, shown) for key, shown in {_key(row): row.shown for row in rows}.items()]


def put(conn: Connection, user_id: str, key: ShownKey, from_ms: int, gear_pks: Collection[int]) -> None:
    """Let a rule say this from `from_ms` on, in place of all that it would say from then on."""
    same = (
        gear_rules.c.user_id == user_id,
        gear_rules.c.kind == key.key.kind,
        gear_rules.c.sport == key.key.sport,
        gear_rules.c.sub_sport == key.key.sub_sport,
        gear_rules.c.match == key.key.match,
    )
    conn.execute(delete(gear_rules).where(*same, gear_rules.c.from_ms >= from_ms))
    if not gear_pks and conn.execute(select(gear_rules.c.rule_pk).where(*same).limit(1)).first() is None:
        return  # it says nothing anyway
    rule_pk = conn.execute(
        insert(gear_rules)
        .values(
            user_id=user_id,
            kind=int(key.key.kind),
            sport=key.key.sport,
            sub_sport=key.key.sub_sport,
            match=key.key.match,
            shown=key.shown,
            from_ms=from_ms,
        )
        .returning(gear_rules.c.rule_pk)
    ).scalar_one()
    rows = [{"rule_pk": rule_pk, "gear_pk": pk, "user_id": user_id} for pk in sorted(gear_pks)]
    if rows:
        conn.execute(insert(gear_rule_items), rows)


def choose(conn: Connection, user_id: str, workout_id: str, gear_pks: Collection[int]) -> None:
    """Note what a workout was done with, in place of what was said before."""
    forget_choice(conn, user_id, workout_id)
    choice_pk = conn.execute(
        insert_for(conn, gear_choices)
        .values(user_id=user_id, workout_id=workout_id)
        .returning(gear_choices.c.choice_pk)
    ).scalar_one()
    rows = [{"choice_pk": choice_pk, "gear_pk": pk, "user_id": user_id} for pk in sorted(gear_pks)]
    if rows:
        conn.execute(insert(gear_choice_items), rows)


def forget_choice(conn: Connection, user_id: str, workout_id: str) -> bool:
    """Let the rules decide of a workout; False when they do."""
    statement = delete(gear_choices).where(
        gear_choices.c.user_id == user_id, gear_choices.c.workout_id == workout_id
    )
    return conn.execute(statement).rowcount > 0


def chosen(conn: Connection, user_id: str, workout_id: str) -> frozenset[int] | None:
    """What the owner said of a workout; None when nothing was said."""
    found = conn.execute(
        select(gear_choices.c.choice_pk, gear_choice_items.c.gear_pk)
        .outerjoin(gear_choice_items, gear_choice_items.c.choice_pk == gear_choices.c.choice_pk)
        .where(gear_choices.c.user_id == user_id, gear_choices.c.workout_id == workout_id)
    ).all()
    return frozenset(row.gear_pk for row in found if row.gear_pk is not None) if found else None


def all_chosen(conn: Connection, user_id: str) -> dict[str, frozenset[int]]:
    """From workout ids to what the owner said of them."""
    gathered: dict[str, set[int]] = {}
    for workout_id, gear_pk in conn.execute(
        select(gear_choices.c.workout_id, gear_choice_items.c.gear_pk)
        .outerjoin(gear_choice_items, gear_choice_items.c.choice_pk == gear_choices.c.choice_pk)
        .where(gear_choices.c.user_id == user_id)
    ):
        gathered.setdefault(workout_id, set()).update(() if gear_pk is None else (gear_pk,))
    return {workout_id: frozenset(gear_pks) for workout_id, gear_pks in gathered.items()}


def _key(row: Row[Any]) -> RuleKey:
    return RuleKey(RuleKind(row.kind), row.sport, row.sub_sport, row.match)
