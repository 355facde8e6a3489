"""What others may see of single workouts, and the version of an athlete's thresholds.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workout_privacy",
        sa.Column(
            "workout_pk",
            sa.BigInteger,
            sa.ForeignKey("workouts.workout_pk", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("chosen", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "sharing_secrets",
        sa.Column("secret_pk", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "threshold_versions",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
