"""People, their consents and their receipts.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSE_POSTGRESQL = """
CREATE FUNCTION refuse_receipt_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts are never changed';
END
$$
"""
_TRIGGER_POSTGRESQL = """
CREATE TRIGGER receipts_never_change BEFORE UPDATE ON receipts
FOR EACH ROW EXECUTE FUNCTION refuse_receipt_change()
"""
_TRIGGER_SQLITE = """
CREATE TRIGGER receipts_never_change BEFORE UPDATE ON receipts
BEGIN
    SELECT RAISE(ABORT, 'receipts are never changed');
END
"""


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def upgrade() -> None:
    create_chassis_tables()
    _create_people()
    _create_receipts()
    op.create_table(
        "answers",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64), primary_key=True),
        _given("request_sha256", sa.LargeBinary),
        _given("response", sa.LargeBinary),
        _given("answered_ms", sa.BigInteger),
    )
    op.create_index("answers_by_time", "answers", ["answered_ms"])


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("user_id", sa.String(64), primary_key=True),
        _given("country", sa.String(2)),
        _given("region", sa.String(3)),
        _given("birth_month", sa.String(7)),
        _given("version", sa.BigInteger),
        _given("head_sha256", sa.String(64)),
        _given("updated_ms", sa.BigInteger),
    )
    op.create_table(
        "consents",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.SmallInteger, primary_key=True, autoincrement=False),
        _given("granted", sa.Boolean),
        _given("text_version", sa.String(32)),
        _given("language", sa.String(35)),
        _given("receipt_id", sa.String(26)),
        _given("changed_ms", sa.BigInteger),
    )


def _create_receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column(
            "receipt_pk",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("receipt_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _given("sequence", sa.BigInteger),
        _given("kind", sa.SmallInteger),
        _given("jws", sa.Text),
        _given("sha256", sa.String(64)),
        _given("made_ms", sa.BigInteger),
        sa.UniqueConstraint("user_id", "sequence", name="receipts_by_person"),
    )
    op.create_index("receipts_by_time", "receipts", ["made_ms"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE_POSTGRESQL)
        op.execute(_TRIGGER_POSTGRESQL)
    else:
        op.execute(_TRIGGER_SQLITE)
