"""The auth domain behind its pipeline, on SQLite, with a clock that tests move and mails that they read."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from sqlalchemy import Connection, Table, select

from pulsemesh.auth.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    key_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
    session_service_pb2_grpc,
)
from pulsemesh.event.v1 import envelope_pb2
from services.auth.mail.sending import MailSender
from services.auth.module import AuthModule
from services.auth.passwords import Passwords
from services.auth.settings import IdentitySettings
from services.chassis import migrations, outbox
from services.chassis.auth import JwksAuthenticator, RevocationList
from services.chassis.bus.in_process import InProcessBus
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.database import Database, open_database
from services.chassis.inprocess import InProcessChannel
from services.chassis.live.in_process import InProcessLive
from services.chassis.module import ModuleContext
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.settings import load_settings
from services.host.revocations import RevocationFollower, ServiceKeys

EMAIL = "ann@example.org"
PASSWORD = "correct horse battery"
PATIENCE_S = 20.0


class Clock:
    """Milliseconds that a test can move."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def seconds(self) -> float:
        return self() / 1000

    def advance(self, seconds: float) -> None:
        self.ahead_ms += round(seconds * 1000)


@dataclass(frozen=True)
class ReadMail:
    """A mail as its reader sees it."""

    recipient: str
    subject: str
    text: str

    @property
    def code(self) -> str:
        found = re.search(r"^([0-9]{6})$", self.text, re.MULTILINE)
        assert found is not None
        return found.group(1)

    @property
    def token(self) -> str:
        found = re.search(r"#(\S+)", self.text)
        assert found is not None
        return found.group(1)


@dataclass
class Rig:
    """Stubs, and what stands behind them."""

    database: Database
    clock: Clock
    channel: grpc.aio.Channel
    folder: Path
    sender: MailSender
    module: Any
    revocations: RevocationList
    passwords: Passwords
    accounts: Any = field(init=False)
    sessions: Any = field(init=False)
    keys: Any = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = account_service_pb2_grpc.AccountServiceStub(self.channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(self.channel)
        self.keys = key_service_pb2_grpc.KeyServiceStub(self.channel)

    async def mails(self) -> list[ReadMail]:
        """Send what waits, and read everything that was sent so far, the oldest first."""
        while await self.sender.send_due():
            pass
        return [read(path) for path in sorted(self.folder.glob("*.eml"), key=lambda path: path.name)]

    async def last_mail(self) -> ReadMail:
        return (await self.mails())[-1]

    async def begin(self, address: str = EMAIL, password: str = PASSWORD, **more: Any) -> Any:
        request = sign_up_request(address, password, **more)
        return await self.accounts.SignUp(request)

    async def sign_up(
        self, address: str = EMAIL, password: str = PASSWORD, **more: Any
    ) -> session_pb2.Tokens:
        begun = await self.begin(address, password, **more)
        proof = account_service_pb2.CodeProof(sign_up=begun.sign_up, code=(await self.last_mail()).code)
        answer = await self.accounts.VerifyEmail(account_service_pb2.VerifyEmailRequest(code=proof))
        return cast(session_pb2.Tokens, answer.tokens)

    async def sign_in(
        self, address: str = EMAIL, password: str = PASSWORD, **more: Any
    ) -> session_pb2.Tokens:
        request = session_service_pb2.SignInRequest(email=address, password=password, **more)
        answer = await self.sessions.SignIn(request)
        assert answer.result.WhichOneof("outcome") == "tokens"
        return cast(session_pb2.Tokens, answer.result.tokens)

    async def refresh(self, token: str) -> session_pb2.Tokens:
        answer = await self.sessions.Refresh(session_service_pb2.RefreshRequest(refresh_token=token))
        return cast(session_pb2.Tokens, answer.tokens)

    async def events(self) -> list[str]:
        """The kinds of events that wait to be published, in their order."""
        rows = await self.rows(outbox.outbox)
        envelopes = [envelope_pb2.Envelope.FromString(row["envelope"]) for row in rows]
        return [envelope.type.rpartition(".")[2] for envelope in envelopes]

    async def rows(self, table: Table) -> list[dict[str, Any]]:
        def read_all(conn: Connection) -> list[dict[str, Any]]:
            return [dict(row._mapping) for row in conn.execute(select(table))]

        async with self.database.read() as view:
            return await view.run(read_all)


def sign_up_request(
    address: str = EMAIL, password: str = PASSWORD, **more: Any
) -> account_service_pb2.SignUpRequest:
    values: dict[str, Any] = {"country": "DE", "language": "en", "at_least_years": 18} | more
    if "birth_date" in more:
        del values["at_least_years"]
    return account_service_pb2.SignUpRequest(email=address, password=password, **values)


def bearer(tokens: session_pb2.Tokens | str) -> tuple[tuple[str, str], ...]:
    """The metadata of a call with these tokens."""
    token = tokens if isinstance(tokens, str) else tokens.access_token
    return (("authorization", f"Bearer {token}"),)


def read(path: Path) -> ReadMail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    return ReadMail(str(message["To"]), str(message["Subject"]), body.get_content().replace("\r\n", "\n"))


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in an error's details."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""


async def refused(call: Any) -> tuple[grpc.StatusCode, str, str]:
    """The code, reason and message with which a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), reason_of(caught.value), str(caught.value.details())


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the condition tells nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_rig(
    directory: Path, url: str, identity: dict[str, Any] | None = None, *, auth: dict[str, Any] | None = None
) -> AsyncIterator[Rig]:
    """The domain over a database; `auth` are settings of that group."""
    quick = {"argon2_memory_kib": 8, "argon2_passes": 1, "cells": {"us": "https://us.example"}}
    identity_settings = IdentitySettings(**(quick | (identity or {})))  # type: ignore[arg-type]
    settings = load_settings({"data_dir": directory, "auth": {"development_issuer": False} | (auth or {})})
    clock = Clock()
    domain = AuthModule(lambda: identity_settings)
    assert domain.migrations is not None
    database = open_database(url, schema="auth")
    await migrations.prepare(database, domain.migrations, on_start=True)
    live, bus = InProcessLive(), InProcessBus()
    revocations = RevocationList(stale_after_s=300, clock_s=clock.seconds)
    collector = ServiceCollector(
        PipelinePorts(
            cell="eu",
            authenticator=JwksAuthenticator(
                ServiceKeys(lambda: channel), issuer=settings.issuer, clock_s=clock.seconds
            ),
            revocations=revocations,
        )
    )
    channel = InProcessChannel(collector.handlers)
    context = ModuleContext(
        cell="eu",
        settings=settings,
        database=lambda _: database,
        bus=bus,
        limiter=cast(Any, None),
        cache=cast(Any, None),
        live=live,
        channel=lambda _: channel,
        clock_ms=clock,
        logger=structlog.get_logger("auth"),
        consent=DevelopmentConsentGate(development=True),
    )
    running = await domain.start(context)
    for add, servicer in running.servicers:
        add(servicer, collector)
    sender = next(task for task in running.background if isinstance(task, MailSender))
    account_servicer: Any = running.servicers[0][1]
    passwords = account_servicer._signing_up._tools.passwords
    try:
        yield Rig(database, clock, channel, directory / "mail", sender, running, revocations, passwords)
    finally:
        await channel.close()
        await running.close()
        await bus.close()
        await live.close()
        await database.close()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path, f"sqlite:///{tmp_path}") as running:
        yield running


@asynccontextmanager
async def following(rig: Rig) -> AsyncIterator[None]:
    """The rig's list of revocations follows its service."""
    from services.chassis.channels.credentials import HandedCredentials
    from services.chassis.channels.forwarding import ForwardingChannel

    channel = ForwardingChannel(rig.channel, {}, HandedCredentials(["test"]))
    task = asyncio.create_task(RevocationFollower(channel, rig.revocations).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
