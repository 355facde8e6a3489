"""Requests of people about their data, restrictions, and people who were erased.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrations import create_erased_people

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    create_erased_people()
    op.create_table(
        "rights_requests",
        sa.Column("request_pk", _ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("rights_request_id", sa.String(26), nullable=False, unique=True),
        sa.Column("user_id", sa.String(64), nullable=True),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done_ms", sa.BigInteger, nullable=True),
        sa.Column("expires_ms", sa.BigInteger, nullable=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("progress", sa.LargeBinary, nullable=False),
    )
    op.create_index("rights_requests_by_user", "rights_requests", ["user_id", "request_pk"])
    op.create_index("rights_requests_by_due", "rights_requests", ["state", "due_ms"])
    op.create_table(
        "rights_pieces",
        sa.Column(
            "request_pk",
            sa.BigInteger,
            sa.ForeignKey("rights_requests.request_pk", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("first_byte", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "restrictions",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("restricted_ms", sa.BigInteger, nullable=False),
    )
