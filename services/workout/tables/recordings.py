"""Recordings, the workouts they became, their samples, and original files."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from services.workout.tables.base import NONE, ROW_ID, holds, metadata

recordings = Table(
    "recordings",
    metadata,
    Column("recording_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("recording_id", String(26), nullable=False, **NONE),
    Column("state", SmallInteger, nullable=False, **NONE),
    Column("sport", SmallInteger, nullable=False, **NONE),
    Column("sub_sport", SmallInteger, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("opened_ms", BigInteger, nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
    Column("clock_offset_ms", BigInteger, nullable=False, **NONE),
    # A serialised pulsemesh.workout.v1.RecordingDetails, merged from every finish.
    Column("details", LargeBinary, nullable=False, **holds("content")),
    Column("workout_id", String(26), nullable=True, **NONE),
    UniqueConstraint("user_id", "recording_id", name="recordings_by_client_id"),
    Index("recordings_by_user", "user_id", "recording_pk"),
    Index("recordings_by_age", "state", "updated_ms"),
)

sources = Table(
    "sources",
    metadata,
    Column("source_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column(
        "recording_pk",
        BigInteger,
        ForeignKey("recordings.recording_pk", ondelete="CASCADE"),
        nullable=False,
        **NONE,
    ),
    Column("source_id", String(160), nullable=False, **holds("device")),
    # A serialised pulsemesh.workout.v1.Source: device and channels.
    Column("description", LargeBinary, nullable=False, **holds("device")),
    Column("writer_id", String(128), nullable=False, **holds("device")),
    # Grows by one with every session that opens the source: an older session is fenced.
    Column("epoch", Integer, nullable=False, **NONE),
    Column("next_sequence", BigInteger, nullable=False, **NONE),
    Column("rejected_samples", BigInteger, nullable=False, **NONE),
    Column("complete", Boolean, nullable=False, **NONE),
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
        **NONE,
    ),
    Column("first_sequence", BigInteger, primary_key=True, autoincrement=False, **NONE),
    Column("samples", Integer, nullable=False, **NONE),
    # A pulsemesh.workout.v1.RejectionReason where the batch was set aside, else 0.
    Column("rejected", SmallInteger, nullable=False, **NONE),
    # A serialised pulsemesh.workout.v1.SampleBatch; empty where set aside.
    Column("payload", LargeBinary, nullable=False, **holds("health")),
)

workouts = Table(
    "workouts",
    metadata,
    Column("workout_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("workout_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column(
        "recording_pk",
        BigInteger,
        ForeignKey("recordings.recording_pk", ondelete="CASCADE"),
        nullable=False,
        unique=True,
        **NONE,
    ),
    Column("title", String(200), nullable=False, **holds("content")),
    Column("notes", Text, nullable=False, **holds("content")),
    Column("sport", SmallInteger, nullable=False, **NONE),
    Column("sub_sport", SmallInteger, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    Column("elapsed_s", Float, nullable=False, **NONE),
    Column("distance_m", Float, nullable=True, **NONE),
    # A serialised pulsemesh.workout.v1.Workout: what was computed, never what a person edits.
    Column("document", LargeBinary, nullable=False, **holds("health")),
    Column("version", Integer, nullable=False, **NONE),
    # Other workouts stand in its place: in no list and no total, until that is undone.
    Column("hidden", Boolean, nullable=False, server_default=false(), **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
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
        **NONE,
    ),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("samples", Integer, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    # Leads with the id of the codec that wrote it.
    Column("payload", LargeBinary, nullable=False, **holds("health")),
)

files = Table(
    "files",
    metadata,
    Column("file_id", String(26), primary_key=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("sha256", String(64), nullable=False, **NONE),
    Column("name", String(255), nullable=False, **holds("content")),
    Column("size_bytes", BigInteger, nullable=False, **NONE),
    Column("recording_id", String(26), nullable=False, **NONE),
    Column("uploaded_ms", BigInteger, nullable=False, **NONE),
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
        **NONE,
    ),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("content", LargeBinary, nullable=False, **holds("health")),
)

# The first answer to every request that carried a request_id.
answers = Table(
    "answers",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("request_id", String(64), primary_key=True, **NONE),
    # SHA-256 of the request: another request under the same id is refused.
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    Column("response", LargeBinary, nullable=False, **holds("content")),
    Column("answered_ms", BigInteger, nullable=False, **NONE),
)
