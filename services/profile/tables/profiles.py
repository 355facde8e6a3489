"""Profiles, handles, pictures, physiology, and the answers to requests that may come again."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from services.profile.tables.base import NONE, holds, metadata

profiles = Table(
    "profiles",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("display_name", String(80), nullable=False, **holds("identity")),
    Column("bio", Text, nullable=False, **holds("content")),
    Column("place", String(100), nullable=False, **holds("location")),
    # "1990-05-17", empty where not told.
    Column("birth_date", String(10), nullable=False, **holds("identity")),
    Column("sex", SmallInteger, nullable=False, **holds("health")),
    # A serialised pulsemesh.profile.v1.Units.
    Column("units", LargeBinary, nullable=False, **NONE),
    Column("language", String(64), nullable=False, **NONE),
    Column("time_zone", String(64), nullable=False, **holds("location")),
    Column("first_day_of_week", SmallInteger, nullable=False, **NONE),
    # A JSON list.
    Column("links", Text, nullable=False, **holds("content")),
    # Empty: none.
    Column("avatar_id", String(64), nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
    Column("version", BigInteger, nullable=False, **NONE),
)

# A handle is a person's from `claimed_ms`, and leads to that person until some time after `released_ms`.
handles = Table(
    "handles",
    metadata,
    # What the handle looks like: no two may look alike.
    Column("likeness", String(30), primary_key=True, **holds("identity")),
    Column("handle", String(30), nullable=False, unique=True, **holds("identity")),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("claimed_ms", BigInteger, nullable=False, **NONE),
    Column("released_ms", BigInteger, nullable=True, **NONE),
    Index("handles_by_user", "user_id"),
)

# Pictures as they were drawn anew, by what is in them.
avatars = Table(
    "avatars",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("avatar_id", String(64), primary_key=True, **NONE),
    # pulsemesh.profile.v1.AvatarSize
    Column("size", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("content", LargeBinary, nullable=False, **holds("identity")),
)

# Each value holds from its day on. Thresholds are copies of what the workout service keeps.
physiology = Table(
    "physiology",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # pulsemesh.profile.v1.Quantity
    Column("quantity", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    # 0: for every sport that has no value of its own.
    Column("sport", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    # Days since 1970.
    Column("from_day", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("value", Float, nullable=False, **holds("health")),
)

# Which version of the workout service's history the copy is of.
physiology_versions = Table(
    "physiology_versions",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("version", BigInteger, nullable=False, **NONE),
)

answers = Table(
    "answers",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("request_id", String(64), primary_key=True, **NONE),
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    # A serialised response.
    Column("response", LargeBinary, nullable=False, **holds("content")),
    Column("answered_ms", BigInteger, nullable=False, **NONE),
    Index("answers_by_age", "answered_ms"),
)
