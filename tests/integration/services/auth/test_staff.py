"""Roles of staff: who gives them, what must be proved for it, and what their end ends."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from joserfc.jwk import ECKey

from pulsemesh.auth.v1 import staff_pb2, staff_service_pb2
from pulsemesh.auth.v1.staff_service_pb2_grpc import (
    StaffServiceStub,
    add_StaffServiceServicer_to_server,
)
from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.ulid import new_ulid
from services.auth import sessions
from services.auth.module import module
from services.auth.roles import roles_of
from services.auth.staff import granting
from services.auth.staff.servicer import StaffServicer
from services.auth.store import accounts, revocations
from services.auth.store.accounts import ACTIVE, Account
from services.auth.tokens import TokenIssuer
from services.auth.wire import STAFF_TOKEN_S, access_token_of
from services.chassis.audit import AuditRecord
from services.chassis.auth import Principal
from services.chassis.auth.port import Authenticator
from services.chassis.database import Database, open_database
from services.chassis.errors import PlatformError, Unauthenticated
from services.chassis.inprocess import InProcessChannel
from services.chassis.migrations import upgrade
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from tests.security.calling import reason_of

ADMIN, OTHER, THIRD = (f"eu_01J0000000000000000000000{letter}" for letter in "ABC")
NOW_MS = time.time_ns() // 1_000_000
SUPPORT, SECURITY_ADMIN = staff_pb2.STAFF_ROLE_SUPPORT, staff_pb2.STAFF_ROLE_SECURITY_ADMIN


class Tokens(Authenticator):
    """Tokens are names of principals."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal:
        if token not in self.known:
            raise Unauthenticated
        return self.known[token]


class Audit:
    """Remembers."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def record(self, record: AuditRecord) -> None:
        self.records.append(record)


class Office:
    """A staff service, and people who may call it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tokens = Tokens()
        self.audit = Audit()
        collector = ServiceCollector(PipelinePorts(cell="eu", authenticator=self.tokens, audit=self.audit))
        server: Any = collector
        add_StaffServiceServicer_to_server(StaffServicer(database, lambda: NOW_MS), server)
        self.stub: Any = StaffServiceStub(InProcessChannel(collector.handlers))
        self.admin = self.sign_in(ADMIN, "security_admin")

    def sign_in(self, user_id: str, *roles: str, **changes: Any) -> tuple[tuple[str, str]]:
        principal = Principal(
            user_id,
            Access.ACCESS_STAFF,
            client_id="pulsemesh-staff",
            roles=frozenset(roles),
            authenticated_at_s=NOW_MS / 1000 - 60,
            methods=frozenset({"pwd", "otp"}),
        )
        token = f"{user_id} {' '.join(roles)} {changes}"
        self.tokens.known[token] = dataclasses.replace(principal, **changes)
        return (("authorization", f"Bearer {token}"),)

    async def roles(self, user_id: str) -> frozenset[str]:
        async with self.database.read() as view:
            return await view.run(roles_of, user_id, NOW_MS)

    def grant(self, user_id: str, role: int, metadata: Any, request_id: str = "") -> Any:
        request = staff_service_pb2.GrantRoleRequest(
            request_id=request_id or new_ulid(), user_id=user_id, role=role, reason="joins the team"
        )
        return self.stub.GrantRole(request, metadata=metadata)

    def revoke(self, user_id: str, role: int) -> Any:
        request = staff_service_pb2.RevokeRoleRequest(user_id=user_id, role=role, reason="leaves")
        return self.stub.RevokeRole(request, metadata=self.admin)


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_of(refused.value)


async def add_account(database: Database, user_id: str) -> None:
    account = Account(
        user_id, f"{user_id.lower()}@example.org", None, None, "DE", "de", None, 18, ACTIVE, NOW_MS, None
    )
    async with database.write() as transaction:
        await transaction.run(accounts.add, account)


async def give(database: Database, user_id: str, role: str) -> None:
    async with database.write() as transaction:
        await transaction.run(
            lambda conn: granting.grant(
                conn,
                request_id=new_ulid(),
                user_id=user_id,
                role=role,
                by=granting.MACHINE,
                reason="first",
                now_ms=NOW_MS,
            )
        )


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    database = open_database(f"sqlite:///{tmp_path}", schema="auth")
    assert module.migrations is not None
    await upgrade(database, module.migrations)
    for user_id in (ADMIN, OTHER, THIRD):
        await add_account(database, user_id)
    await give(database, ADMIN, "security_admin")
    yield Office(database)
    await database.close()


async def test_a_security_admin_gives_a_role(office: Office) -> None:
    response = await office.grant(OTHER, SUPPORT, office.admin)
    assert (response.grant.granted_by, response.grant.reason) == (ADMIN, "joins the team")
    assert await office.roles(OTHER) == {"support"}


async def test_a_repeated_request_gives_the_role_once(office: Office) -> None:
    request_id = new_ulid()
    first = await office.grant(OTHER, SUPPORT, office.admin, request_id)
    assert await office.grant(OTHER, SUPPORT, office.admin, request_id) == first


async def test_a_request_id_of_another_grant_is_refused(office: Office) -> None:
    request_id = new_ulid()
    await office.grant(OTHER, SUPPORT, office.admin, request_id)
    assert await refusal(office.grant(THIRD, SUPPORT, office.admin, request_id)) == "REQUEST_ID_REUSED"


async def test_a_role_that_is_held_is_answered_as_it_is(office: Office) -> None:
    first = await office.grant(OTHER, SUPPORT, office.admin)
    assert await office.grant(OTHER, SUPPORT, office.admin) == first


async def test_nobody_gives_a_role_to_themselves(office: Office) -> None:
    assert await refusal(office.grant(ADMIN, SUPPORT, office.admin)) == "OWN_ROLE"


async def test_other_staff_gives_no_roles(office: Office) -> None:
    support = office.sign_in(OTHER, "support", "operator")
    assert await refusal(office.grant(THIRD, SUPPORT, support)) == "ACCESS_DENIED"


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": frozenset({"pwd"})},
        {"methods": frozenset()},
        {"authenticated_at_s": NOW_MS / 1000 - 16 * 60},
        {"authenticated_at_s": 0.0},
    ],
    ids=["a password alone", "nothing", "too long ago", "nobody says when"],
)
async def test_a_second_proof_of_the_last_minutes_is_needed(office: Office, changes: Any) -> None:
    stale = office.sign_in(ADMIN, "security_admin", **changes)
    assert await refusal(office.grant(OTHER, SUPPORT, stale)) == "STEP_UP_NEEDED"
    assert await office.roles(OTHER) == frozenset()


async def test_a_role_for_an_account_that_does_not_exist_is_refused(office: Office) -> None:
    assert await refusal(office.grant("eu_01J0000000000000000000000Z", SUPPORT, office.admin)) == "NOT_FOUND"


async def test_a_role_is_taken_away(office: Office) -> None:
    await office.grant(OTHER, SUPPORT, office.admin)
    assert (await office.revoke(OTHER, SUPPORT)).revoked
    assert await office.roles(OTHER) == frozenset()


async def test_taking_a_role_that_nobody_holds_changes_nothing(office: Office) -> None:
    assert not (await office.revoke(OTHER, SUPPORT)).revoked


async def test_the_last_security_admin_remains(office: Office) -> None:
    assert await refusal(office.revoke(ADMIN, SECURITY_ADMIN)) == "LAST_SECURITY_ADMIN"


async def test_a_security_admin_goes_once_there_is_another(office: Office) -> None:
    await office.grant(OTHER, SECURITY_ADMIN, office.admin)
    assert (await office.revoke(ADMIN, SECURITY_ADMIN)).revoked


async def test_the_end_of_a_role_ends_the_sessions_as_staff_and_no_others(office: Office) -> None:
    await office.grant(OTHER, SUPPORT, office.admin)
    opened = {}
    for kind in ("staff", "user"):
        async with office.database.write() as transaction:
            opened[kind] = await transaction.run(
                lambda conn, kind=kind: sessions.open_session(
                    conn,
                    user_id=OTHER,
                    kind=kind,
                    client_id="console",
                    scopes=(),
                    methods=("pwd", "otp"),
                    device_name="desk",
                    peer="ipv4:127.0.0.1:1",
                    now_ms=NOW_MS,
                )
            )

    await office.revoke(OTHER, SUPPORT)

    async with office.database.read() as view:
        revoked = {row.entry.session_id for row in await view.run(revocations.since, 0, NOW_MS)}
    assert revoked == {opened["staff"].session_id}


def take(office: Office, role: int, metadata: Any, seconds: int = 600) -> Any:
    request = staff_service_pb2.TakeRoleRequest(
        request_id=new_ulid(), role=role, reason="incident 42: mails pile up"
    )
    request.time_to_live.seconds = seconds
    return office.stub.TakeRole(request, metadata=metadata)


async def test_staff_take_a_role_in_an_emergency_for_a_while(office: Office) -> None:
    response = await take(office, staff_pb2.STAFF_ROLE_OPERATOR, office.sign_in(OTHER, "support"))
    assert response.grant.emergency
    assert response.grant.expires_at.ToMilliseconds() == NOW_MS + 600_000
    assert await office.roles(OTHER) == {"operator"}
    async with office.database.read() as view:
        assert await view.run(roles_of, OTHER, NOW_MS + 600_000) == frozenset()


async def test_nobody_takes_the_role_that_gives_roles(office: Office) -> None:
    support = office.sign_in(OTHER, "support")
    assert await refusal(take(office, SECURITY_ADMIN, support)) == "ROLE_NOT_FOR_EMERGENCIES"


async def test_an_emergency_lasts_an_hour_at_most(office: Office) -> None:
    support = office.sign_in(OTHER, "support")
    assert await refusal(take(office, staff_pb2.STAFF_ROLE_OPERATOR, support, 3_601)) == "FIELD_INVALID"


async def test_every_act_is_audited_with_what_it_was_about(office: Office) -> None:
    await office.grant(OTHER, SUPPORT, office.admin)
    (record,) = office.audit.records
    assert (record.action, record.user_id, record.roles) == ("staff.grant_role", ADMIN, ("security_admin",))
    assert record.details == {"person": OTHER, "role": "support", "reason": "joins the team"}


async def test_refused_acts_are_audited_too(office: Office) -> None:
    await refusal(office.grant(ADMIN, SUPPORT, office.admin))
    assert (office.audit.records[0].outcome, office.audit.records[0].reason) == (
        "PERMISSION_DENIED",
        "OWN_ROLE",
    )


async def test_roles_are_listed_page_by_page_with_those_that_ended(office: Office) -> None:
    await office.grant(OTHER, SUPPORT, office.admin)
    await office.grant(THIRD, SUPPORT, office.admin)
    await office.revoke(THIRD, SUPPORT)
    found: list[Any] = []
    token = ""
    while True:
        request = staff_service_pb2.ListStaffRequest(page_size=1, page_token=token, ended=True)
        response = await office.stub.ListStaff(request, metadata=office.admin)
        found += response.grants
        token = response.next_page_token
        if not token:
            break
    assert [(grant.user_id, grant.ended_by) for grant in found] == [(THIRD, ADMIN), (OTHER, ""), (ADMIN, "")]


async def test_roles_are_told_in_the_readers_language(office: Office) -> None:
    request = staff_service_pb2.ListRolesRequest(language="ru-RU")
    response = await office.stub.ListRoles(request, metadata=office.sign_in(OTHER, "support"))
    assert len(response.roles) == 6
    assert response.roles[4].text == "Выдавать и отбирать роли"


async def test_two_admins_cannot_remove_each_other_at_once(office: Office) -> None:
    await office.grant(OTHER, SECURITY_ADMIN, office.admin)
    async with office.database.write() as transaction:
        await transaction.run(
            lambda conn: granting.revoke(
                conn, user_id=OTHER, role="security_admin", by=ADMIN, reason="x", now_ms=NOW_MS
            )
        )
    with pytest.raises(PlatformError, match="last security admin"):
        async with office.database.write() as transaction:
            await transaction.run(
                lambda conn: granting.revoke(
                    conn, user_id=ADMIN, role="security_admin", by=OTHER, reason="x", now_ms=NOW_MS
                )
            )


async def open_staff_session(office: Office, now_ms: int) -> sessions.OpenedSession:
    async with office.database.write() as transaction:
        return await transaction.run(
            lambda conn: sessions.open_session(
                conn,
                user_id=OTHER,
                kind="staff",
                client_id="console",
                scopes=(),
                methods=("pwd", "otp"),
                device_name="desk",
                peer="ipv4:127.0.0.1:1",
                now_ms=now_ms,
            )
        )


async def refresh(office: Office, token: str, now_ms: int) -> sessions.Rotation:
    async with office.database.write() as transaction:
        return await transaction.run(
            lambda conn: sessions.rotate(conn, token, peer="ipv4:127.0.0.1:1", now_ms=now_ms)
        )


async def test_a_session_as_staff_ends_when_it_is_left_alone(office: Office) -> None:
    opened = await open_staff_session(office, NOW_MS)
    later_ms = NOW_MS + sessions.STAFF_IDLE_MS
    rotation = await refresh(office, opened.refresh_token, later_ms)
    assert rotation.refusal is sessions.Refusal.EXPIRED


async def test_a_session_as_staff_lasts_a_day_at_most(office: Office) -> None:
    opened = await open_staff_session(office, NOW_MS)
    token, now_ms = opened.refresh_token, NOW_MS
    while now_ms < NOW_MS + sessions.STAFF_LONGEST_MS - sessions.STAFF_IDLE_MS:
        now_ms += sessions.STAFF_IDLE_MS - 1
        rotation = await refresh(office, token, now_ms)
        assert rotation.opened is not None
        token = rotation.opened.refresh_token
    rotation = await refresh(office, token, NOW_MS + sessions.STAFF_LONGEST_MS)
    assert rotation.refusal is sessions.Refusal.EXPIRED


async def test_a_token_of_staff_is_shorter_than_others(office: Office) -> None:
    opened = await open_staff_session(office, NOW_MS)
    key = ECKey.generate_key("P-256", auto_kid=True)

    class Keys:
        def signing_key(self) -> ECKey:
            return key

    issuer = TokenIssuer(Keys(), issuer="pulsemesh-eu", clock_ms=lambda: NOW_MS)
    issued = access_token_of(opened.session, issuer, {"support"})
    assert issued.expires_at_s - issued.issued_at_s == STAFF_TOKEN_S < issuer.lifetime_s
