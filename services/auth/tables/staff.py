"""Roles of staff: who holds which, given by whom and why; what ended stays as history."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text

from services.auth.tables.base import NONE, holds, metadata

staff_grants = Table(
    "staff_grants",
    metadata,
    # The request_id of whoever gave it.
    Column("grant_id", String(26), primary_key=True, **NONE),
    Column(
        "user_id",
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        nullable=False,
        **holds("identity"),
    ),
    Column("role", String(32), nullable=False, **NONE),
    # A user id, or "machine".
    Column("granted_by", String(64), nullable=False, **holds("identity")),
    Column("granted_ms", BigInteger, nullable=False, **NONE),
    Column("reason", Text, nullable=False, **holds("content")),
    # Null: until it is taken away.
    Column("expires_ms", BigInteger, nullable=True, **NONE),
    Column("emergency", Boolean, nullable=False, **NONE),
    Column("ended_ms", BigInteger, nullable=True, **NONE),
    Column("ended_by", String(64), nullable=True, **holds("identity")),
    Column("end_reason", Text, nullable=True, **holds("content")),
    Index("ix_staff_grants_user_id", "user_id"),
    Index("ix_staff_grants_role", "role"),
)
