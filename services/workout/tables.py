"""The tables that the workout service owns.

Every column says what kind of personal data it holds; `none` says that it holds
none. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite numbers rows by itself only in an INTEGER primary key.
_RowId = BigInteger().with_variant(Integer, "sqlite")


def _holds(kind: str) -> dict[str, Any]:
    return {"info": {"personal_data": kind}}


_NONE = _holds("none")

recordings = Table(
    "recordings",
    metadata,
    Column("recording_pk", _RowId, primary_key=True, autoincrement=True, **_NONE),
    Column("user_id", String(64), nullable=False, **_holds("identity")),
    Column("recording_id", String(26), nullable=False, **_NONE),
    Column("state", SmallInteger, nullable=False, **_NONE),
    Column("sport", SmallInteger, nullable=False, **_NONE),
    Column("sub_sport", SmallInteger, nullable=False, **_NONE),
    Column("start_ms", BigInteger, nullable=False, **_NONE),
    Column("opened_ms", BigInteger, nullable=False, **_NONE),
    Column("updated_ms", BigInteger, nullable=False, **_NONE),
    Column("clock_offset_ms", BigInteger, nullable=False, **_NONE),
    # A serialised pulsemesh.workout.v1.RecordingDetails, merged from every finish.
    Column("details", LargeBinary, nullable=False, **_holds("content")),
    Column("workout_id", String(26), nullable=True, **_NONE),
    UniqueConstraint("user_id", "recording_id", name="recordings_by_client_id"),
    Index("recordings_by_user", "user_id", "recording_pk"),
    Index("recordings_by_age", "state", "updated_ms"),
)

sources = Table(
    "sources",
    metadata,
    Column("source_pk", _RowId, primary_key=True, autoincrement=True, **_NONE),
    Column(
        "recording_pk",
        BigInteger,
        ForeignKey("recordings.recording_pk", ondelete="CASCADE"),
        nullable=False,
        **_NONE,
    ),
    Column("source_id", String(160), nullable=False, **_holds("device")),
    # A serialised pulsemesh.workout.v1.Source: device and channels.
    Column("description", LargeBinary, nullable=False, **_holds("device")),
    Column("writer_id", String(128), nullable=False, **_holds("device")),
    # Grows by one with every session that opens the source: an older session is fenced.
    Column("epoch", Integer, nullable=False, **_NONE),
    Column("next_sequence", BigInteger, nullable=False, **_NONE),
    Column("rejected_samples", BigInteger, nullable=False, **_NONE),
    Column("complete", Boolean, nullable=False, **_NONE),
    UniqueConstraint("recording_pk", "source_id", name="sources_by_client_id"),
)

# Wire batches as they came, until the recording is closed and they are compacted.
journal = Table(
    "journal",
    metadata,
    Column(
        "source_pk",
        BigInteger,
        ForeignKey("sources.source_pk", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **_NONE,
    ),
    Column("first_sequence", BigInteger, primary_key=True, autoincrement=False, **_NONE),
    Column("samples", Integer, nullable=False, **_NONE),
    # A pulsemesh.workout.v1.RejectionReason where the batch was set aside, else 0.
    Column("rejected", SmallInteger, nullable=False, **_NONE),
    # A serialised pulsemesh.workout.v1.SampleBatch; empty where set aside.
    Column("payload", LargeBinary, nullable=False, **_holds("health")),
)

workouts = Table(
    "workouts",
    metadata,
    Column("workout_pk", _RowId, primary_key=True, autoincrement=True, **_NONE),
    Column("workout_id", String(26), nullable=False, unique=True, **_NONE),
    Column("user_id", String(64), nullable=False, **_holds("identity")),
    Column(
        "recording_pk",
        BigInteger,
        ForeignKey("recordings.recording_pk", ondelete="CASCADE"),
        nullable=False,
        unique=True,
        **_NONE,
    ),
    Column("title", String(200), nullable=False, **_holds("content")),
    Column("notes", Text, nullable=False, **_holds("content")),
    Column("sport", SmallInteger, nullable=False, **_NONE),
    Column("sub_sport", SmallInteger, nullable=False, **_NONE),
    Column("start_ms", BigInteger, nullable=False, **_NONE),
    Column("end_ms", BigInteger, nullable=False, **_NONE),
    Column("elapsed_s", Float, nullable=False, **_NONE),
    Column("distance_m", Float, nullable=True, **_NONE),
    # A serialised pulsemesh.workout.v1.Workout: what was computed, never what a person edits.
    Column("document", LargeBinary, nullable=False, **_holds("health")),
    Column("version", Integer, nullable=False, **_NONE),
    Column("created_ms", BigInteger, nullable=False, **_NONE),
    Column("updated_ms", BigInteger, nullable=False, **_NONE),
    Index("workouts_by_user_and_start", "user_id", "start_ms", "workout_pk"),
)

# The samples of a finished workout: one row a source and hour.
chunks = Table(
    "chunks",
    metadata,
    Column(
        "source_pk",
        BigInteger,
        ForeignKey("sources.source_pk", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **_NONE,
    ),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **_NONE),
    Column("samples", Integer, nullable=False, **_NONE),
    Column("start_ms", BigInteger, nullable=False, **_NONE),
    Column("end_ms", BigInteger, nullable=False, **_NONE),
    # Leads with the id of the codec that wrote it.
    Column("payload", LargeBinary, nullable=False, **_holds("health")),
)

files = Table(
    "files",
    metadata,
    Column("file_id", String(26), primary_key=True, **_NONE),
    Column("user_id", String(64), nullable=False, **_holds("identity")),
    Column("sha256", String(64), nullable=False, **_NONE),
    Column("name", String(255), nullable=False, **_holds("content")),
    Column("size_bytes", BigInteger, nullable=False, **_NONE),
    Column("recording_id", String(26), nullable=False, **_NONE),
    Column("uploaded_ms", BigInteger, nullable=False, **_NONE),
    UniqueConstraint("user_id", "sha256", name="files_by_content"),
    Index("files_by_recording", "user_id", "recording_id"),
)

file_parts = Table(
    "file_parts",
    metadata,
    Column(
        "file_id",
        String(26),
        ForeignKey("files.file_id", ondelete="CASCADE"),
        primary_key=True,
        **_NONE,
    ),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **_NONE),
    Column("content", LargeBinary, nullable=False, **_holds("health")),
)

# The first answer to every request that carried a request_id.
answers = Table(
    "answers",
    metadata,
    Column("user_id", String(64), primary_key=True, **_holds("identity")),
    Column("request_id", String(64), primary_key=True, **_NONE),
    # SHA-256 of the request: another request under the same id is refused.
    Column("request_sha256", LargeBinary, nullable=False, **_NONE),
    Column("response", LargeBinary, nullable=False, **_holds("content")),
    Column("answered_ms", BigInteger, nullable=False, **_NONE),
)
