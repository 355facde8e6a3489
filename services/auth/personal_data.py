"""Everything that the domain holds of a person; its erasure ends their sessions first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select

from pulsemesh.auth.v1 import events_pb2, personal_data_service_pb2
from pulsemesh.type.v1.personal_data_pb2 import ErasedPlace
from services.auth.sessions import end_session
from services.auth.store import sessions
from services.auth.tables import accounts, mails, metadata, provider_sign_ups, sign_ups
from services.chassis.database import Database
from services.chassis.personal_data import PersonalData, personal_data_servicer
from services.chassis.personal_data.erasing import erased


def personal_data(database: Database, clock_ms: Callable[[], int]) -> Any:
    """The servicer of `PersonalDataService`."""

    def before(conn: Connection, user_id: str) -> list[ErasedPlace]:
        # Session by session: those revocations name nobody, and stay until the tokens have expired.
        for session_id in sessions.ids_of_person(conn, user_id):
            end_session(conn, session_id, events_pb2.SESSION_END_REASON_ACCOUNT_DELETED, clock_ms())
        return _by_address(conn, user_id)

    data = PersonalData("auth", metadata, database, before=before)
    return personal_data_servicer(data, personal_data_service_pb2)


def _by_address(conn: Connection, user_id: str) -> list[ErasedPlace]:
    """What knows a person by their address alone: sign-ups, and mails that wait."""
    address = conn.execute(select(accounts.c.email).where(accounts.c.user_id == user_id)).scalar_one_or_none()
    places = []
    for table, column in (
        (sign_ups, sign_ups.c.email),
        (provider_sign_ups, provider_sign_ups.c.email),
        (mails, mails.c.recipient),
    ):
        gone = 0 if address is None else conn.execute(delete(table).where(column == address)).rowcount
        places.append(erased("auth", f"table {table.name}", gone))
    return places
