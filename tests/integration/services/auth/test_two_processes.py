"""The auth service in one process, another domain in a second: tokens, revocation, streams, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh import connect
from pulsemesh.auth.v1 import account_service_pb2, account_service_pb2_grpc
from pulsemesh.credentials import SessionTokens
from pulsemesh.workout.v1 import ingest_service_pb2_grpc, workout_service_pb2, workout_service_pb2_grpc
from services.chassis.settings import Settings, load_settings
from services.host.platform import Platform, running_platform
from tests.fixtures.server_process import free_port
from tests.integration.services.auth.conftest import PASSWORD, bearer, read, reason_of, sign_up_request

PATIENCE_S = 40.0


def embedded(data_dir: Path, listen: str = "127.0.0.1:0", **settings: Any) -> Settings:
    server = {"listen": listen, "stream_notice_s": 0.0, "drain_grace_s": 2.0}
    return load_settings({"data_dir": data_dir, "server": server, **settings})


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_IDENTITY_ARGON2_MEMORY_KIB", "8")
    monkeypatch.setenv("PULSEMESH_IDENTITY_ARGON2_PASSES", "1")


async def sign_up(auth: Platform, data_dir: Path) -> SessionTokens:
    async with grpc.aio.insecure_channel(auth.address) as channel:
        stub: Any = account_service_pb2_grpc.AccountServiceStub(channel)
        begun = await stub.SignUp(sign_up_request(password=PASSWORD))
        async with asyncio.timeout(PATIENCE_S):
            while not (found := list((data_dir / "mail").glob("[!.]*.eml"))):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        proof = account_service_pb2.CodeProof(sign_up=begun.sign_up, code=read(found[0]).code)
        answer = await stub.VerifyEmail(account_service_pb2.VerifyEmailRequest(code=proof))
    return SessionTokens.of(answer.tokens)


async def end_session(auth: Platform, tokens: SessionTokens) -> None:
    async with connect(auth.address) as client:
        await client.sessions.sign_out(tokens.refresh_token)


@asynccontextmanager
async def workout_of(platform: Platform) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(platform.address) as channel:
        yield channel


async def listed(channel: grpc.aio.Channel, tokens: SessionTokens) -> str:
    """ "" when the caller is believed, else why not."""
    stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
    try:
        await stub.ListWorkouts(
            workout_service_pb2.ListWorkoutsRequest(),
            metadata=bearer(tokens.access_token),
            timeout=PATIENCE_S,
        )
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return ""


async def refused_soon(channel: grpc.aio.Channel, tokens: SessionTokens) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while not (reason := await listed(channel, tokens)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return reason


async def test_an_ended_session_is_refused_by_the_other_process_and_its_streams_end(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(running_platform(embedded(tmp_path), ["auth"]))
        split = embedded(tmp_path, channels={"auth": auth.address})
        workout = await stack.enter_async_context(running_platform(split, ["workout"]))
        channel = await stack.enter_async_context(workout_of(workout))
        tokens = await sign_up(auth, tmp_path)
        assert await listed(channel, tokens) == ""
        ingest: Any = ingest_service_pb2_grpc.IngestServiceStub(channel)
        stream = ingest.StreamSamples(metadata=bearer(tokens.access_token))
        reading = asyncio.create_task(stream.read())
        while not workout.collector.ports.revocations._streams:  # noqa: ASYNC110 - until the stream is there
            await asyncio.sleep(0.02)
        await end_session(auth, tokens)
        assert await refused_soon(channel, tokens) == "SESSION_ENDED"
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await reading
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_what_was_revoked_while_nobody_listened_is_known_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    listen = f"127.0.0.1:{port}"
    async with running_platform(embedded(tmp_path, listen), ["auth"]) as auth:
        tokens = await sign_up(auth, tmp_path)
        await end_session(auth, tokens)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running_platform(embedded(tmp_path, listen), ["auth"]))
        split = embedded(tmp_path, channels={"auth": listen})
        workout = await stack.enter_async_context(running_platform(split, ["workout"]))
        channel = await stack.enter_async_context(workout_of(workout))
        assert await refused_soon(channel, tokens) == "SESSION_ENDED"
