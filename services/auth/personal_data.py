"""Everything that the domain holds of a person; its erasure ends their sessions first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, Connection, delete, select, update

from pulsemesh.auth.v1 import personal_data_service_pb2
from pulsemesh.type.v1.personal_data_pb2 import ErasedPlace
from services.auth.sessions import REVOKED_FOR_MS
from services.auth.store import revocations, sessions
from services.auth.tables import (
    accounts,
    email_changes,
    mails,
    metadata,
    provider_sign_ups,
    sign_ups,
    staff_grants,
)
from services.chassis.database import Database
from services.chassis.personal_data import Eraser, PersonalData, personal_data_servicer
from services.chassis.personal_data.erasing import erased

WITHHELD = frozenset(
    {
        "accounts.password_hash",
        "email_changes.code_mac",
        "oauth_apps.former_secret_sha256",
        "oauth_apps.secret_sha256",
        "oauth_browsers.cookie_sha256",
        "oauth_codes.code_challenge",
        "oauth_codes.code_sha256",
        "oauth_device_grants.device_code_sha256",
        "oauth_device_grants.user_code_mac",
        "passkey_ceremonies.ceremony_sha256",
        "passkey_ceremonies.challenge",
        "passkey_ceremonies.sign_in_sha256",
        "password_resets.token_sha256",
        "provider_attempts.attempt_sha256",
        "provider_attempts.secrets",
        "provider_attempts.state_sha256",
        "recovery_codes.code_sha256",
        "refresh_tokens.successor_salt",
        "refresh_tokens.token_sha256",
        "second_factors.pending_secret",
        "second_factors.totp_secret",
        "sign_in_challenges.challenge_sha256",
    }
)
"""What proves that somebody is somebody: an archive that is lost must let nobody in."""


def personal_data(database: Database, clock_ms: Callable[[], int]) -> Any:
    """The servicer of `PersonalDataService`."""
    data = PersonalData("auth", metadata, database, before=forgetting(clock_ms), withheld=WITHHELD)
    return personal_data_servicer(data, personal_data_service_pb2)


def forgetting(clock_ms: Callable[[], int]) -> Eraser:
    """What is erased of a person beside the rows that name them as their owner."""

    def forget(conn: Connection, user_id: str) -> list[ErasedPlace]:
        _end_sessions(conn, user_id, clock_ms())
        return [*_by_address(conn, user_id), *_as_staff(conn, user_id)]

    return forget


def _end_sessions(conn: Connection, user_id: str, now_ms: int) -> None:
    """Session by session: those revocations name nobody, and stay until the tokens have expired."""
    for session_id in sessions.ids_of_person(conn, user_id):
        revocations.revoke_session(conn, session_id, now_ms, now_ms + REVOKED_FOR_MS)


def _by_address(conn: Connection, user_id: str) -> list[ErasedPlace]:
    """What knows a person by their addresses alone: sign-ups, and mails that wait."""
    addresses = {
        address
        for query in (
            select(accounts.c.email).where(accounts.c.user_id == user_id),
            select(email_changes.c.new_email).where(email_changes.c.user_id == user_id),
        )
        for address in conn.scalars(query)
        if address is not None
    }
    return [
        erased(
            "auth", f"table {table.name}", conn.execute(delete(table).where(column.in_(addresses))).rowcount
        )
        for table, column in (
            (sign_ups, sign_ups.c.email),
            (provider_sign_ups, provider_sign_ups.c.email),
            (mails, mails.c.recipient),
        )
    ]


def _as_staff(conn: Connection, user_id: str) -> list[ErasedPlace]:
    """Roles that they gave to others, or took, stay; who did it is forgotten here."""

    def forget(column: Column[Any], what: str) -> ErasedPlace:
        gone = conn.execute(update(staff_grants).where(column == user_id).values({column: ""})).rowcount
        return erased("auth", f"table staff_grants, {what}", gone, "the grant stays, of nobody")

    return [
        forget(staff_grants.c.granted_by, "given by them"),
        forget(staff_grants.c.ended_by, "taken by them"),
    ]
