"""What `pulsemesh-server staff` does: roles given on the machine itself, before anybody could give them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.ulid import new_ulid
from services.auth.addresses import NotAnAddress, normalised
from services.auth.staff import granting, store
from services.auth.staff.roles import ROLES
from services.auth.staff.store import Grant
from services.auth.store import accounts
from services.chassis.audit import AuditRecord, ChainedAudit
from services.chassis.errors import PlatformError
from services.chassis.settings import Settings
from services.host.auditing import open_audit
from services.host.databases import open_schema

_T = TypeVar("_T")


class StaffRefused(Exception):
    """What was asked for cannot be done; the message says why."""


async def grant_role(settings: Settings, *, email: str, role: str, reason: str, operator: str) -> Grant:
    """Give a role to the owner of an address.

    Args:
        operator: the account of the operating system that asks, for the audit log.

    Raises:
        StaffRefused: there is no such account or role.
        DatabaseInUse: a server holds the SQLite file.
    """

    def step(conn: Connection, user_id: str) -> Grant:
        now_ms = _now_ms()
        return granting.grant(
            conn,
            request_id=new_ulid(now_ms),
            user_id=user_id,
            role=role,
            by=granting.MACHINE,
            reason=reason,
            now_ms=now_ms,
        )

    return await _Act("staff.grant_role", email, role, reason, operator).run(settings, step)


async def revoke_role(settings: Settings, *, email: str, role: str, reason: str, operator: str) -> bool:
    """Take a role from the owner of an address; False when they did not hold it.

    Raises:
        StaffRefused: there is no such account or role, or nobody would be left who could give roles.
        DatabaseInUse: a server holds the SQLite file.
    """

    def step(conn: Connection, user_id: str) -> bool:
        return granting.revoke(
            conn, user_id=user_id, role=role, by=granting.MACHINE, reason=reason, now_ms=_now_ms()
        )

    return await _Act("staff.revoke_role", email, role, reason, operator).run(settings, step)


async def held_roles(settings: Settings) -> list[Grant]:
    """Every role that is held now, the latest first."""
    database = open_schema(settings, "auth")
    try:
        async with database.read() as view:
            return await view.run(
                lambda conn: store.page(conn, _now_ms(), before="", size=10_000, ended=False)
            )
    finally:
        await database.close()


@dataclass
class _Act:
    """One act on the machine itself, and its record in the audit log, refused or not."""

    action: str
    email: str
    role: str
    reason: str
    operator: str
    user_id: str = ""

    async def run(self, settings: Settings, step: Callable[[Connection, str], _T]) -> _T:
        audit = open_audit(settings)
        outcome, why = "FAILED_PRECONDITION", ""
        try:
            result = await self._run(settings, step)
            outcome = "OK"
        except PlatformError as error:
            outcome, why = error.code.name, ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
            raise StaffRefused(error.message) from None
        finally:
            audit.record(self._record(outcome, why))
            if isinstance(audit, ChainedAudit):
                audit.close()
        return result

    async def _run(self, settings: Settings, step: Callable[[Connection, str], _T]) -> _T:
        if self.role not in ROLES:
            raise StaffRefused(f"there is no role {self.role!r}; there are: {', '.join(ROLES)}")
        database = open_schema(settings, "auth")
        try:
            async with database.write() as transaction:
                account = await transaction.run(accounts.find_by_email, self._address())
                if account is None:
                    raise StaffRefused(f"nobody has an account with the address {self.email}")
                self.user_id = account.user_id
                return await transaction.run(step, account.user_id)
        finally:
            await database.close()

    def _address(self) -> str:
        try:
            return normalised(self.email)
        except NotAnAddress as error:
            raise StaffRefused(f"{self.email}: {error}") from None

    def _record(self, outcome: str, why: str) -> AuditRecord:
        return AuditRecord(
            time_ms=_now_ms(),
            action=self.action,
            method="",
            user_id="",
            caller_kind="machine",
            client_id=f"pulsemesh-server ({self.operator})",
            peer="",
            request_id="",
            outcome=outcome,
            reason=why,
            details={"person": self.user_id, "role": self.role, "reason": self.reason},
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
