"""What a person allowed programs, as the person sees and withdraws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.auth.oauth.apps import end_sessions_of
from services.auth.oauth.clients import Client
from services.auth.oauth.directory import ClientDirectory
from services.auth.oauth.store import grants
from services.auth.oauth.store.grants import Grant
from services.chassis.database import Database


@dataclass(frozen=True, slots=True)
class Authorised:
    """One program that a person let in.

    Attributes:
        client: None for one that is no more.
        used_ms: when a session of it was used last; None without one.
    """

    grant: Grant
    client: Client | None
    used_ms: int | None


class AuthorisedApps:
    """The use cases."""

    def __init__(self, database: Database, directory: ClientDirectory, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._directory = directory
        self._clock_ms = clock_ms

    async def of_person(self, user_id: str) -> list[Authorised]:
        """Everything that a person allows programs, the latest first."""
        async with self._database.read() as view:
            return await view.run(self._of_person, user_id)

    def _of_person(self, conn: Connection, user_id: str) -> list[Authorised]:
        kept = grants.of_person(conn, user_id)
        known = self._directory.known(conn, [grant.client_id for grant in kept], self._clock_ms())
        used = grants.last_uses(conn, user_id)
        return [Authorised(grant, known.get(grant.client_id), used.get(grant.client_id)) for grant in kept]

    async def withdraw(self, user_id: str, client_id: str) -> int:
        """A program may do nothing more for a person; returns how many sessions were ended."""
        async with self._database.write() as transaction:
            return await transaction.run(self._withdraw, user_id, client_id)

    def _withdraw(self, conn: Connection, user_id: str, client_id: str) -> int:
        if not grants.remove(conn, user_id, client_id):
            return 0  # of programs that one signs in with, sessions end in the list of sessions
        return end_sessions_of(conn, client_id, user_id, self._clock_ms())
