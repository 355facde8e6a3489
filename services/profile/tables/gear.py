"""Gear, where components sit, its service log and wear, and what workouts were done with.

Amounts are whole numbers (centimetres, milliseconds, joules): their sums do not depend on any order.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.profile.tables.base import NONE, ROW_ID, holds, metadata

IDENTITY = holds("identity")


def _owner(*, key: bool = False) -> Column[str]:
    return Column("user_id", String(64), primary_key=key, nullable=False, **IDENTITY)


def _row_id(name: str) -> Column[int]:
    return Column(name, ROW_ID, primary_key=True, autoincrement=True, **NONE)


def _of(column: str, name: str = "", *, key: bool = False) -> Column[int]:
    reference = ForeignKey(column, ondelete="CASCADE")
    named = name or column.partition(".")[2]
    options: dict[str, Any] = {"primary_key": True, "autoincrement": False} if key else {"nullable": False}
    return Column(named, BigInteger, reference, **options, **NONE)


# A row a person: whoever changes anything of that person's gear holds its lock, so that counting and changes
# of rules and installations follow one another.
gear_owners = Table("gear_owners", metadata, _owner(key=True))

gear = Table(
    "gear",
    metadata,
    _row_id("gear_pk"),
    Column("gear_id", String(26), nullable=False, unique=True, **NONE),
    _owner(),
    # pulsemesh.profile.v1.GearKind
    Column("kind", SmallInteger, nullable=False, **NONE),
    # Empty unless it is a component.
    Column("component_type", String(40), nullable=False, **NONE),
    Column("name", String(120), nullable=False, **holds("content")),
    # By which names are compared; NULL once it is deleted.
    Column("name_key", String(128), nullable=True, **holds("content")),
    Column("brand", String(120), nullable=False, **holds("content")),
    Column("model", String(120), nullable=False, **holds("content")),
    # "2026-05-31", or empty.
    Column("purchased_on", String(10), nullable=False, **holds("content")),
    # Empty: no price is known.
    Column("price_currency", String(3), nullable=False, **NONE),
    Column("price_minor", BigInteger, nullable=False, **holds("content")),
    Column("weight_g", Integer, nullable=False, **NONE),
    Column("notes", Text, nullable=False, **holds("content")),
    # What it was used before it was entered.
    Column("earlier_distance_cm", BigInteger, nullable=False, **NONE),
    Column("earlier_duration_ms", BigInteger, nullable=False, **NONE),
    Column("retired_ms", BigInteger, nullable=True, **NONE),
    # Its words are gone; the row stays because the history of components leans on it.
    Column("deleted_ms", BigInteger, nullable=True, **NONE),
    Column("version", Integer, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "name_key", name="gear_by_name"),
    Index("gear_by_user", "user_id", "gear_pk"),
)

# A component sits on a piece of gear from `from_ms` up to but not including `until_ms`; NULL: still.
gear_installations = Table(
    "gear_installations",
    metadata,
    _row_id("installation_pk"),
    Column("installation_id", String(26), nullable=False, unique=True, **NONE),
    _owner(),
    _of("gear.gear_pk", "component_pk"),
    _of("gear.gear_pk"),
    Column("from_ms", BigInteger, nullable=False, **NONE),
    Column("until_ms", BigInteger, nullable=True, **NONE),
    Index("gear_installations_by_component", "component_pk", "from_ms"),
    Index("gear_installations_by_gear", "gear_pk", "from_ms"),
    Index("gear_installations_by_user", "user_id"),
)

gear_service_records = Table(
    "gear_service_records",
    metadata,
    _row_id("record_pk"),
    Column("record_id", String(26), nullable=False, unique=True, **NONE),
    _owner(),
    _of("gear.gear_pk"),
    Column("serviced_ms", BigInteger, nullable=False, **NONE),
    Column("description", Text, nullable=False, **holds("content")),
    Column("cost_currency", String(3), nullable=False, **NONE),
    Column("cost_minor", BigInteger, nullable=False, **holds("content")),
    # Bit 1 << metric is set for every target that starts anew.
    Column("resets", Integer, nullable=False, **NONE),
    Index("gear_service_records_by_gear", "gear_pk", "serviced_ms"),
    Index("gear_service_records_by_user", "user_id"),
)

gear_targets = Table(
    "gear_targets",
    metadata,
    _of("gear.gear_pk", key=True),
    # pulsemesh.profile.v1.WearMetric
    Column("metric", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    _owner(),
    # Centimetres, milliseconds of use, or milliseconds of age.
    Column("limit_value", BigInteger, nullable=False, **NONE),
    # 0: everything counts.
    Column("counted_from_ms", BigInteger, nullable=False, **NONE),
    # When age alone will bring it to its next step; NULL: never.
    Column("due_ms", BigInteger, nullable=True, index=True, **NONE),
    Index("gear_targets_by_user", "user_id"),
)

# What was told already: a row a target (metric and limit), cycle and step.
gear_reached = Table(
    "gear_reached",
    metadata,
    _of("gear.gear_pk", key=True),
    Column("metric", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("limit_value", BigInteger, primary_key=True, autoincrement=False, **NONE),
    Column("cycle_ms", BigInteger, primary_key=True, autoincrement=False, **NONE),
    Column("step_percent", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    _owner(),
    Index("gear_reached_by_user", "user_id"),
)

# A rule says its items from `from_ms` on, until the next row of the same key.
gear_rules = Table(
    "gear_rules",
    metadata,
    _row_id("rule_pk"),
    _owner(),
    # services.profile.gear.assigning.RuleKind
    Column("kind", SmallInteger, nullable=False, **NONE),
    Column("sport", SmallInteger, nullable=False, **NONE),
    Column("sub_sport", SmallInteger, nullable=False, **NONE),
    # A device id, or a name as names are compared.
    Column("match", String(128), nullable=False, **holds("device")),
    # As it was written, for showing.
    Column("shown", String(128), nullable=False, **holds("device")),
    Column("from_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "kind", "sport", "sub_sport", "match", "from_ms", name="gear_rules_by_key"),
)

gear_rule_items = Table(
    "gear_rule_items",
    metadata,
    _of("gear_rules.rule_pk", key=True),
    _of("gear.gear_pk", key=True),
    _owner(),
    Index("gear_rule_items_by_user", "user_id"),
)

# The newest state of each workout that an event told; of one that is gone, that it is.
gear_workouts = Table(
    "gear_workouts",
    metadata,
    _row_id("workout_pk"),
    _owner(),
    Column("workout_id", String(26), nullable=False, **NONE),
    Column("version", BigInteger, nullable=False, **NONE),
    Column("gone", Boolean, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    # A serialised pulsemesh.workout.v1.WorkoutState; empty when gone.
    Column("state", LargeBinary, nullable=False, **holds("health")),
    Column("seen_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "workout_id", name="gear_workouts_by_id"),
    Index("gear_workouts_by_start", "user_id", "start_ms", "workout_pk"),
)

# Workouts of which the owner said what they were done with; the items may be none.
gear_choices = Table(
    "gear_choices",
    metadata,
    _row_id("choice_pk"),
    _owner(),
    Column("workout_id", String(26), nullable=False, **NONE),
    UniqueConstraint("user_id", "workout_id", name="gear_choices_by_workout"),
)

gear_choice_items = Table(
    "gear_choice_items",
    metadata,
    _of("gear_choices.choice_pk", key=True),
    _of("gear.gear_pk", key=True),
    _owner(),
    Index("gear_choice_items_by_user", "user_id"),
)

# How much of a workout counts for a piece of gear: the only place that totals are made of.
gear_contributions = Table(
    "gear_contributions",
    metadata,
    _of("gear_workouts.workout_pk", key=True),
    _of("gear.gear_pk", key=True),
    _owner(),
    # pulsemesh.profile.v1.GearSource
    Column("source", SmallInteger, nullable=False, **NONE),
    # The start of the workout.
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("distance_cm", BigInteger, nullable=False, **NONE),
    Column("duration_ms", BigInteger, nullable=False, **NONE),
    Column("elevation_cm", BigInteger, nullable=False, **NONE),
    Column("work_j", BigInteger, nullable=False, **holds("health")),
    Index("gear_contributions_by_gear", "gear_pk", "start_ms", "workout_pk"),
    Index("gear_contributions_by_user", "user_id"),
)

# What requests that carried a `request_id` made.
gear_requests = Table(
    "gear_requests",
    metadata,
    _owner(key=True),
    Column("request_id", String(64), primary_key=True, **NONE),
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    Column("made_id", String(26), nullable=False, **NONE),
    Column("answered_ms", BigInteger, nullable=False, index=True, **NONE),
)
