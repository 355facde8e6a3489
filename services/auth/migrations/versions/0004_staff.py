"""Roles of staff.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff_grants",
        sa.Column("grant_id", sa.String(26), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(64),
            sa.ForeignKey("accounts.user_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("granted_by", sa.String(64), nullable=False),
        sa.Column("granted_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=True),
        sa.Column("emergency", sa.Boolean, nullable=False),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=True),
        sa.Column("end_reason", sa.Text, nullable=True),
    )
    op.create_index("ix_staff_grants_user_id", "staff_grants", ["user_id"])
    op.create_index("ix_staff_grants_role", "staff_grants", ["role"])
