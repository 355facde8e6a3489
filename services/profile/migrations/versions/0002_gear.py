"""Gear: inventory, installations, service log, wear, rules, and what workouts were done with.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _may(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def _key(name: str, type_: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _of(column: str, name: str, *, key: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey(column, ondelete="CASCADE")
    if key:
        return sa.Column(name, sa.BigInteger, reference, primary_key=True, autoincrement=False)
    return sa.Column(name, sa.BigInteger, reference, nullable=False)


def upgrade() -> None:
    _create_inventory()
    _create_wear()
    _create_rules()
    _create_workouts()


def _create_inventory() -> None:
    op.create_table(
        "gear_owners",
        _key("user_id", sa.String(64)),
    )
    op.create_table(
        "gear",
        _row_id("gear_pk"),
        sa.Column("gear_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _given("kind", sa.SmallInteger),
        _given("component_type", sa.String(40)),
        _given("name", sa.String(120)),
        _may("name_key", sa.String(128)),
        _given("brand", sa.String(120)),
        _given("model", sa.String(120)),
        _given("purchased_on", sa.String(10)),
        _given("price_currency", sa.String(3)),
        _given("price_minor", sa.BigInteger),
        _given("weight_g", sa.Integer),
        _given("notes", sa.Text),
        _given("earlier_distance_cm", sa.BigInteger),
        _given("earlier_duration_ms", sa.BigInteger),
        _may("retired_ms", sa.BigInteger),
        _may("deleted_ms", sa.BigInteger),
        _given("version", sa.Integer),
        _given("created_ms", sa.BigInteger),
        _given("updated_ms", sa.BigInteger),
        sa.UniqueConstraint("user_id", "name_key", name="gear_by_name"),
    )
    op.create_index("gear_by_user", "gear", ["user_id", "gear_pk"])
    op.create_table(
        "gear_installations",
        _row_id("installation_pk"),
        sa.Column("installation_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _of("gear.gear_pk", "component_pk"),
        _of("gear.gear_pk", "gear_pk"),
        _given("from_ms", sa.BigInteger),
        _may("until_ms", sa.BigInteger),
    )
    op.create_index("gear_installations_by_component", "gear_installations", ["component_pk", "from_ms"])
    op.create_index("gear_installations_by_gear", "gear_installations", ["gear_pk", "from_ms"])
    op.create_index("gear_installations_by_user", "gear_installations", ["user_id"])
    op.create_table(
        "gear_service_records",
        _row_id("record_pk"),
        sa.Column("record_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _of("gear.gear_pk", "gear_pk"),
        _given("serviced_ms", sa.BigInteger),
        _given("description", sa.Text),
        _given("cost_currency", sa.String(3)),
        _given("cost_minor", sa.BigInteger),
        _given("resets", sa.Integer),
    )
    op.create_index("gear_service_records_by_gear", "gear_service_records", ["gear_pk", "serviced_ms"])
    op.create_index("gear_service_records_by_user", "gear_service_records", ["user_id"])


def _create_wear() -> None:
    op.create_table(
        "gear_targets",
        _of("gear.gear_pk", "gear_pk", key=True),
        _key("metric", sa.SmallInteger()),
        _given("user_id", sa.String(64)),
        _given("limit_value", sa.BigInteger),
        _given("counted_from_ms", sa.BigInteger),
        _may("due_ms", sa.BigInteger),
    )
    op.create_index("gear_targets_by_user", "gear_targets", ["user_id"])
    op.create_index("ix_gear_targets_due_ms", "gear_targets", ["due_ms"])
    op.create_table(
        "gear_reached",
        _of("gear.gear_pk", "gear_pk", key=True),
        _key("metric", sa.SmallInteger()),
        _key("limit_value", sa.BigInteger()),
        _key("cycle_ms", sa.BigInteger()),
        _key("step_percent", sa.SmallInteger()),
        _given("user_id", sa.String(64)),
    )
    op.create_index("gear_reached_by_user", "gear_reached", ["user_id"])


def _create_rules() -> None:
    op.create_table(
        "gear_rules",
        _row_id("rule_pk"),
        _given("user_id", sa.String(64)),
        _given("kind", sa.SmallInteger),
        _given("sport", sa.SmallInteger),
        _given("sub_sport", sa.SmallInteger),
        _given("match", sa.String(128)),
        _given("shown", sa.String(128)),
        _given("from_ms", sa.BigInteger),
        sa.UniqueConstraint(
            "user_id", "kind", "sport", "sub_sport", "match", "from_ms", name="gear_rules_by_key"
        ),
    )
    op.create_table(
        "gear_rule_items",
        _of("gear_rules.rule_pk", "rule_pk", key=True),
        _of("gear.gear_pk", "gear_pk", key=True),
        _given("user_id", sa.String(64)),
    )
    op.create_index("gear_rule_items_by_user", "gear_rule_items", ["user_id"])


def _create_workouts() -> None:
    op.create_table(
        "gear_workouts",
        _row_id("workout_pk"),
        _given("user_id", sa.String(64)),
        _given("workout_id", sa.String(26)),
        _given("version", sa.BigInteger),
        _given("gone", sa.Boolean),
        _given("start_ms", sa.BigInteger),
        _given("state", sa.LargeBinary),
        _given("seen_ms", sa.BigInteger),
        sa.UniqueConstraint("user_id", "workout_id", name="gear_workouts_by_id"),
    )
    op.create_index("gear_workouts_by_start", "gear_workouts", ["user_id", "start_ms", "workout_pk"])
    op.create_table(
        "gear_choices",
        _row_id("choice_pk"),
        _given("user_id", sa.String(64)),
        _given("workout_id", sa.String(26)),
        sa.UniqueConstraint("user_id", "workout_id", name="gear_choices_by_workout"),
    )
    op.create_table(
        "gear_choice_items",
        _of("gear_choices.choice_pk", "choice_pk", key=True),
        _of("gear.gear_pk", "gear_pk", key=True),
        _given("user_id", sa.String(64)),
    )
    op.create_index("gear_choice_items_by_user", "gear_choice_items", ["user_id"])
    op.create_table(
        "gear_contributions",
        _of("gear_workouts.workout_pk", "workout_pk", key=True),
        _of("gear.gear_pk", "gear_pk", key=True),
        _given("user_id", sa.String(64)),
        _given("source", sa.SmallInteger),
        _given("start_ms", sa.BigInteger),
        _given("distance_cm", sa.BigInteger),
        _given("duration_ms", sa.BigInteger),
        _given("elevation_cm", sa.BigInteger),
        _given("work_j", sa.BigInteger),
    )
    op.create_index("gear_contributions_by_gear", "gear_contributions", ["gear_pk", "start_ms", "workout_pk"])
    op.create_index("gear_contributions_by_user", "gear_contributions", ["user_id"])
    op.create_table(
        "gear_requests",
        _key("user_id", sa.String(64)),
        _key("request_id", sa.String(64)),
        _given("request_sha256", sa.LargeBinary),
        _given("made_id", sa.String(26)),
        _given("answered_ms", sa.BigInteger),
    )
    op.create_index("ix_gear_requests_answered_ms", "gear_requests", ["answered_ms"])
