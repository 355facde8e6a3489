"""What people asked for their data, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
)

from services.consent.tables.base import NONE, ROW_ID, holds, metadata

rights_requests = Table(
    "rights_requests",
    metadata,
    Column("request_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("rights_request_id", String(26), nullable=False, unique=True, **NONE),
    # Null once the person was erased: the report stays, and names nobody.
    Column("user_id", String(64), nullable=True, **holds("identity")),
    # pulsemesh.consent.v1.RightsKind and RightsState.
    Column("kind", SmallInteger, nullable=False, **NONE),
    Column("state", SmallInteger, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("due_ms", BigInteger, nullable=False, **NONE),
    Column("attempts", Integer, nullable=False, **NONE),
    Column("done_ms", BigInteger, nullable=True, **NONE),
    Column("expires_ms", BigInteger, nullable=True, **NONE),
    Column("size_bytes", BigInteger, nullable=False, **NONE),
    # A pulsemesh.consent.v1.RightsRequest with `domains` and `places` alone.
    Column("progress", LargeBinary, nullable=False, **NONE),
    Index("rights_requests_by_user", "user_id", "request_pk"),
    Index("rights_requests_by_due", "state", "due_ms"),
)

# The archive of an export that is done, in pieces.
rights_pieces = Table(
    "rights_pieces",
    metadata,
    Column(
        "request_pk",
        BigInteger,
        ForeignKey(rights_requests.c.request_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column("first_byte", BigInteger, primary_key=True, autoincrement=False, **NONE),
    Column("content", LargeBinary, nullable=False, **holds("identity")),
)

# People whose data is stored and not used.
restrictions = Table(
    "restrictions",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("restricted_ms", BigInteger, nullable=False, **NONE),
)
