"""Receipts, and what follows from them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.consent.tables.base import NONE, ROW_ID, holds, metadata

# One row a person: where they live, and the head of their chain. Also the lock under which a chain grows.
people = Table(
    "people",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # ISO 3166-1 and ISO 3166-2 without the country; empty: nobody said.
    Column("country", String(2), nullable=False, **holds("identity")),
    Column("region", String(3), nullable=False, **holds("identity")),
    # "1990-07"; empty: nobody said.
    Column("birth_month", String(7), nullable=False, **holds("identity")),
    # The sequence of the last receipt, and its digest: a chain that was cut at its end does not fit them.
    Column("version", BigInteger, nullable=False, **NONE),
    Column("head_sha256", String(64), nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
)

# Never changed; a trigger refuses it. They go with the person.
receipts = Table(
    "receipts",
    metadata,
    Column("receipt_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("receipt_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # From 1, without gaps.
    Column("sequence", BigInteger, nullable=False, **NONE),
    # A pulsemesh.consent.v1.ReceiptKind.
    Column("kind", SmallInteger, nullable=False, **NONE),
    Column("jws", Text, nullable=False, **holds("identity")),
    # Of `jws`, in hexadecimal digits.
    Column("sha256", String(64), nullable=False, **NONE),
    Column("made_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "sequence", name="receipts_by_person"),
    Index("receipts_by_time", "made_ms"),
)

# The last word on each purpose. Follows from the receipts, and is what is read.
consents = Table(
    "consents",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # A pulsemesh.policy.v1.Purpose.
    Column("purpose", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    # False: withdrawn, or objected to.
    Column("granted", Boolean, nullable=False, **NONE),
    # "EU/1.1", and as which language it was shown; empty where there never was a grant.
    Column("text_version", String(32), nullable=False, **NONE),
    Column("language", String(35), nullable=False, **NONE),
    Column("receipt_id", String(26), nullable=False, **NONE),
    Column("changed_ms", BigInteger, nullable=False, **NONE),
)

# First answers to requests that carried a request_id.
answers = Table(
    "answers",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("request_id", String(64), primary_key=True, **NONE),
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    Column("response", LargeBinary, nullable=False, **holds("identity")),
    Column("answered_ms", BigInteger, nullable=False, **NONE),
    Index("answers_by_time", "answered_ms"),
)
