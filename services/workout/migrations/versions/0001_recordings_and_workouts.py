"""Recordings, workouts and files, with the chassis tables.

Written out, not taken from tables.py: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _key(name: str, type_: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _belongs_to(name: str, column: str, type_: object, *, key: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey(column, ondelete="CASCADE")
    if key:
        return sa.Column(name, type_, reference, primary_key=True, autoincrement=False)
    return sa.Column(name, type_, reference, nullable=False)


def upgrade() -> None:
    create_chassis_tables()
    _create_recordings()
    _create_workouts()
    _create_files()
    op.create_table(
        "answers",
        _key("user_id", sa.String(64)),
        _key("request_id", sa.String(64)),
        _given("request_sha256", sa.LargeBinary),
        _given("response", sa.LargeBinary),
        _given("answered_ms", sa.BigInteger),
    )


def _create_recordings() -> None:
    op.create_table(
        "recordings",
        _row_id("recording_pk"),
        _given("user_id", sa.String(64)),
        _given("recording_id", sa.String(26)),
        _given("state", sa.SmallInteger),
        _given("sport", sa.SmallInteger),
        _given("sub_sport", sa.SmallInteger),
        _given("start_ms", sa.BigInteger),
        _given("opened_ms", sa.BigInteger),
        _given("updated_ms", sa.BigInteger),
        _given("clock_offset_ms", sa.BigInteger),
        _given("details", sa.LargeBinary),
        sa.Column("workout_id", sa.String(26), nullable=True),
        sa.UniqueConstraint("user_id", "recording_id", name="recordings_by_client_id"),
    )
    op.create_index("recordings_by_user", "recordings", ["user_id", "recording_pk"])
    op.create_index("recordings_by_age", "recordings", ["state", "updated_ms"])
    op.create_table(
        "sources",
        _row_id("source_pk"),
        _belongs_to("recording_pk", "recordings.recording_pk", sa.BigInteger),
        _given("source_id", sa.String(160)),
        _given("description", sa.LargeBinary),
        _given("writer_id", sa.String(128)),
        _given("epoch", sa.Integer),
        _given("next_sequence", sa.BigInteger),
        _given("rejected_samples", sa.BigInteger),
        _given("complete", sa.Boolean),
        sa.UniqueConstraint("recording_pk", "source_id", name="sources_by_client_id"),
    )
    op.create_table(
        "journal",
        _belongs_to("source_pk", "sources.source_pk", sa.BigInteger, key=True),
        _key("first_sequence", sa.BigInteger()),
        _given("samples", sa.Integer),
        _given("rejected", sa.SmallInteger),
        _given("payload", sa.LargeBinary),
    )


def _create_workouts() -> None:
    op.create_table(
        "workouts",
        _row_id("workout_pk"),
        sa.Column("workout_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        sa.Column(
            "recording_pk",
            sa.BigInteger,
            sa.ForeignKey("recordings.recording_pk", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        _given("title", sa.String(200)),
        _given("notes", sa.Text),
        _given("sport", sa.SmallInteger),
        _given("sub_sport", sa.SmallInteger),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("elapsed_s", sa.Float),
        sa.Column("distance_m", sa.Float, nullable=True),
        _given("document", sa.LargeBinary),
        _given("version", sa.Integer),
        _given("created_ms", sa.BigInteger),
        _given("updated_ms", sa.BigInteger),
    )
    op.create_index("workouts_by_user_and_start", "workouts", ["user_id", "start_ms", "workout_pk"])
    op.create_table(
        "chunks",
        _belongs_to("source_pk", "sources.source_pk", sa.BigInteger, key=True),
        _key("ordinal", sa.Integer()),
        _given("samples", sa.Integer),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("payload", sa.LargeBinary),
    )


def _create_files() -> None:
    op.create_table(
        "files",
        _key("file_id", sa.String(26)),
        _given("user_id", sa.String(64)),
        _given("sha256", sa.String(64)),
        _given("name", sa.String(255)),
        _given("size_bytes", sa.BigInteger),
        _given("recording_id", sa.String(26)),
        _given("uploaded_ms", sa.BigInteger),
        sa.UniqueConstraint("user_id", "sha256", name="files_by_content"),
    )
    op.create_index("files_by_recording", "files", ["user_id", "recording_id"])
    op.create_table(
        "file_parts",
        _belongs_to("file_id", "files.file_id", sa.String(26), key=True),
        _key("ordinal", sa.Integer()),
        _given("content", sa.LargeBinary),
    )
