"""Analyses, their jobs, thresholds and what is kept of athletes.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LOADS = (
    *("stress_score", "training_stress_score", "heart_rate_stress_score", "running_stress_score"),
    *("swimming_stress_score", "trimp_banister", "trimp_edwards"),
)
TOTALS = ("elapsed_s", "moving_s", "distance_m", "elevation_gain_m", "energy_kcal", "work_kj")


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _of_workout() -> sa.Column[object]:
    reference = sa.ForeignKey("workouts.workout_pk", ondelete="CASCADE")
    return sa.Column("workout_pk", sa.BigInteger, reference, primary_key=True, autoincrement=False)


def upgrade() -> None:
    _create_analyses()
    _create_athletes()
    _create_shares()
    _queue_what_there_is()


def _create_analyses() -> None:
    op.create_table(
        "recomputations",
        _row_id("recomputation_pk"),
        sa.Column("recomputation_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        sa.Column("request_id", sa.String(64), nullable=True),
        _given("request_sha256", sa.LargeBinary),
        _given("total", sa.Integer),
        _given("created_ms", sa.BigInteger),
        sa.UniqueConstraint("user_id", "request_id", name="recomputations_by_request"),
    )
    op.create_table(
        "analysis_jobs",
        _of_workout(),
        _given("user_id", sa.String(64)),
        _given("reason", sa.String(32)),
        _given("summarise", sa.Boolean),
        _given("generation", sa.Integer),
        _given("priority", sa.SmallInteger),
        _given("due_ms", sa.BigInteger),
        _given("claimed_until_ms", sa.BigInteger),
        _given("attempts", sa.Integer),
        _given("dead", sa.Boolean),
        _given("error", sa.String(500)),
        sa.Column(
            "recomputation_pk",
            sa.BigInteger,
            sa.ForeignKey("recomputations.recomputation_pk", ondelete="SET NULL"),
            nullable=True,
        ),
    )
    op.create_index("analysis_jobs_by_due", "analysis_jobs", ["dead", "priority", "due_ms"])
    op.create_index("analysis_jobs_by_recomputation", "analysis_jobs", ["recomputation_pk"])
    op.create_table(
        "analyses",
        _of_workout(),
        _given("user_id", sa.String(64)),
        _given("document", sa.LargeBinary),
        _given("algorithm", sa.Integer),
        _given("computed_ms", sa.BigInteger),
    )
    op.create_index("analyses_by_algorithm", "analyses", ["algorithm"])


def _create_athletes() -> None:
    op.create_table(
        "athletes",
        sa.Column("user_id", sa.String(64), primary_key=True),
        _given("time_zone", sa.String(64)),
        _given("start_chronic", sa.Float),
        _given("start_acute", sa.Float),
        _given("updated_ms", sa.BigInteger),
    )
    op.create_table(
        "thresholds",
        _row_id("threshold_pk"),
        _given("user_id", sa.String(64)),
        _given("sport", sa.SmallInteger),
        _given("field", sa.SmallInteger),
        _given("from_day", sa.Integer),
        _given("value", sa.Float),
        sa.UniqueConstraint("user_id", "sport", "field", "from_day", name="thresholds_by_day"),
    )


def _create_shares() -> None:
    op.create_table(
        "loads",
        _of_workout(),
        _given("user_id", sa.String(64)),
        _given("start_ms", sa.BigInteger),
        _given("sport", sa.SmallInteger),
        *(sa.Column(name, sa.Float, nullable=True) for name in (*LOADS, *TOTALS)),
    )
    op.create_index("loads_by_user_and_start", "loads", ["user_id", "start_ms"])
    op.create_table(
        "curves",
        _of_workout(),
        sa.Column("sport", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.SmallInteger, primary_key=True, autoincrement=False),
        _given("user_id", sa.String(64)),
        _given("start_ms", sa.BigInteger),
        _given("payload", sa.LargeBinary),
    )
    op.create_index("curves_by_user_and_start", "curves", ["user_id", "channel", "start_ms"])
    op.create_table(
        "efforts",
        _of_workout(),
        sa.Column("sport", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), primary_key=True),
        _given("user_id", sa.String(64)),
        _given("start_ms", sa.BigInteger),
        _given("channel", sa.SmallInteger),
        _given("duration_s", sa.Float),
        _given("distance_m", sa.Float),
        _given("value", sa.Float),
        _given("score", sa.Float),
        _given("effort_start_ms", sa.BigInteger),
        _given("effort_end_ms", sa.BigInteger),
    )
    op.create_index("efforts_by_kind", "efforts", ["user_id", "sport", "kind", "start_ms"])
    op.create_table(
        "records",
        _of_workout(),
        sa.Column("sport", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(32), primary_key=True),
        _given("user_id", sa.String(64)),
        _given("start_ms", sa.BigInteger),
        _given("score", sa.Float),
    )
    op.create_index("records_by_kind", "records", ["user_id", "sport", "kind", "start_ms"])


def _queue_what_there_is() -> None:
    """Workouts from before there were analyses are analysed in the background."""
    op.execute(
        "INSERT INTO analysis_jobs (workout_pk, user_id, reason, summarise, generation, priority, due_ms,"
        " claimed_until_ms, attempts, dead, error, recomputation_pk)"
        " SELECT workout_pk, user_id, 'algorithm', false, 1, 1, 0, 0, 0, false, '', NULL FROM workouts"
    )
