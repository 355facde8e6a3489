"""Tokens that are void before their time: shut out at the door, and how the gateway hears of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from structlog.testing import capture_logs

from pulsemesh.auth.v1 import session_service_pb2, session_service_pb2_grpc
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.auth.issuer import DevelopmentIssuer
from services.auth.keys import jwks_path
from services.chassis.channels import ChannelDirectory
from services.chassis.settings import Settings, load_settings
from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.rendering import contract_methods, render, write
from services.gateway.shape import GatewayShape
from services.gateway.validation import validate
from services.host import gateway_denials
from services.host.certificates import CertificateAuthority, CertificateFiles
from services.host.gateway_denials import Denials, RevokedAtTheDoor, following
from services.host.gateway_identity import gateway_token, revocation_source
from services.host.gateway_running import gateway_before
from services.host.platform import running_platform
from tests.integration.services.gateway.world import ISSUER, WORKOUT_ID, World, reason

REQUEST = messages.GetWorkoutRequest(workout_id=WORKOUT_ID)
ENDED = "SESSION_ENDED"
PATIENCE_S = 40.0


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def token_from(data_dir: Path, login: str, ago_s: float) -> str:
    """A token of the development issuer, as it would have been issued a while ago."""
    issuer = DevelopmentIssuer(data_dir, cell="eu", issuer=ISSUER, clock_s=lambda: time.time() - ago_s)
    return issuer.issue(login).access_token


async def outcome(call: Callable[..., Any], request: Any, token: str) -> tuple[str, str]:
    """Reason and message of a call; two times nothing when it succeeds."""
    try:
        await call(request, metadata=bearer(token), timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return reason(error), str(error.details())
    return "", ""


async def until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await found():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.05)


def deny(shape: GatewayShape, people: Mapping[str, int]) -> list[str]:
    return write(render(replace(shape, denied_people=people)), Path(shape.folder))


async def test_a_persons_older_tokens_are_shut_out_and_nobody_elses(one_world: World) -> None:
    shape = one_world.shape()
    envoy = await one_world.start_gateway(shape)
    stub = service.WorkoutServiceStub(one_world.channel(envoy))
    old, younger = (token_from(one_world.data_dir, "ann", ago_s) for ago_s in (60, 20))
    others = token_from(one_world.data_dir, "ben", 60)
    ann, cleo = (one_world.issuer.issue(login).user_id for login in ("ann", "cleo"))
    moment = int(time.time()) - 40

    assert await outcome(stub.GetWorkout, REQUEST, old) == ("", "")
    assert deny(shape, {ann: moment, cleo: moment, "eu_a.c+": moment + 1}) == ["routes.yaml"]

    async def refused() -> bool:
        return (await outcome(stub.GetWorkout, REQUEST, old))[0] == ENDED

    await until(refused)
    async with one_world.http(envoy) as http:
        answer = await http.get(f"/v1/workouts/{WORKOUT_ID}", headers=dict(bearer(old)))
        assert (answer.status_code, answer.json()["details"][0]["reason"]) == (401, ENDED)
        spoofed = dict(bearer(old)) | {"x-pulsemesh-issued-at": str(int(time.time()))}
        assert (await http.get(f"/v1/workouts/{WORKOUT_ID}", headers=spoofed)).status_code == 401
    before = one_world.backend.workouts.calls
    assert await refused()
    assert one_world.backend.workouts.calls == before
    for token in (younger, others):
        assert await outcome(stub.GetWorkout, REQUEST, token) == ("", "")

    deny(shape, {})

    async def forgotten() -> bool:
        return not await refused()

    await until(forgotten)


async def test_envoy_takes_as_many_revocations_as_the_gateway_may_be_told(one_world: World) -> None:
    """Each person of a second of their own at first, then many of the same one."""
    people = {f"eu_{number:026}": 1_000 + min(number, 300) for number in range(1_000)}
    sessions = tuple(f"{number:026}" for number in range(5_000))
    shape = one_world.shape(denied_people=people, denied_sessions=sessions)
    pair = (one_world.certificate.certificate, one_world.certificate.key)
    methods = contract_methods(development=False)[:20]
    await validate(render(shape, methods), find_envoy(), pair)


async def test_a_gateway_before_services_elsewhere_hears_of_who_signed_out_everywhere(tmp_path: Path) -> None:
    try:
        find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PULSEMESH_GATEWAY_LISTEN", "127.0.0.1:0")
        environment.setenv("PULSEMESH_GATEWAY_THREADS", "1")
        settings = load_settings({"data_dir": tmp_path, "server": {"listen": "127.0.0.1:0"}})
        async with running_platform(settings, ["auth", "workout"]) as platform:
            places = dict.fromkeys(platform.domains, platform.address)
            async with gateway_before(settings.model_copy(update={"channels": places})) as gateway:
                ca = (tmp_path / "certificates" / "authority.pem").read_bytes()
                async with grpc.aio.secure_channel(
                    gateway.address, grpc.ssl_channel_credentials(ca)
                ) as channel:
                    await _sign_out_everywhere(channel, tmp_path)


async def _sign_out_everywhere(channel: grpc.aio.Channel, data_dir: Path) -> None:
    stub: Any = service.WorkoutServiceStub(channel)
    listed = messages.ListWorkoutsRequest()
    old, others = (token_from(data_dir, login, 5) for login in ("ann", "ben"))
    assert await outcome(stub.ListWorkouts, listed, old) == ("", "")
    sessions: Any = session_service_pb2_grpc.SessionServiceStub(channel)
    everywhere = session_service_pb2.EndAllSessionsRequest()
    assert await outcome(sessions.EndAllSessions, everywhere, old) == ("", "")

    async def refused_at_the_door() -> bool:
        """The services refuse with the same reason, in words of their own."""
        found = await outcome(stub.ListWorkouts, listed, old)
        return found == (ENDED, "the session has ended: sign in again")

    await until(refused_at_the_door)
    for token in (others, token_from(data_dir, "ann", 0)):
        assert await outcome(stub.ListWorkouts, listed, token) == ("", "")


def certified(folder: Path, files: CertificateFiles, **settings: Any) -> Settings:
    server = {
        "listen": "127.0.0.1:0",
        "tls_certificate": files.certificate,
        "tls_key": files.key,
        "tls_client_ca": files.authority,
    }
    own = {
        "channels_ca": files.authority,
        "channels_certificate": files.certificate,
        "channels_key": files.key,
    }
    auth = {"development_issuer": False} | settings.pop("auth", {})
    return load_settings({"data_dir": folder, "server": server, "auth": auth, **own, **settings})


async def hears(settings: Settings) -> bool:
    """Whether a gateway of these settings hears what was revoked."""
    token = gateway_token(settings, lambda: channels.channel("auth"))
    channels = ChannelDirectory(settings, served=(), handlers={}, identity=token)
    denied = Heard()
    try:
        async with following(denied, revocation_source(channels, token)):
            await asyncio.wait_for(denied.event.wait(), PATIENCE_S)
    finally:
        await channels.close()
    return True


class Heard(RevokedAtTheDoor):
    """Says when the feed lives."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def heard(self) -> None:
        super().heard()
        self.event.set()


def certificates(folder: Path, *names: str) -> list[CertificateFiles]:
    """One for each of these services."""
    authority = CertificateAuthority.create(folder / "certificates", cell="eu")
    return [authority.issue(name, services=[name]) for name in names]


async def test_by_a_certificate_of_services_a_gateway_hears_what_was_revoked(tmp_path: Path) -> None:
    of_auth, own = certificates(tmp_path, "auth", "workout")
    async with running_platform(certified(tmp_path, of_auth), ["auth"]) as auth:
        assert await hears(certified(tmp_path, own, channels={"auth": auth.address}))


async def test_by_its_own_certificate_a_gateway_hears_it_with_a_token_that_was_laid_down(
    tmp_path: Path,
) -> None:
    of_auth, own = certificates(tmp_path, "auth", "gateway")
    issuer = DevelopmentIssuer(tmp_path, cell="eu", issuer=ISSUER)
    file = tmp_path / "token"
    file.write_text(issuer.issue_for_service("gateway").access_token)
    proving = {"jwks_file": jwks_path(tmp_path)}
    async with running_platform(certified(tmp_path, of_auth, auth=proving), ["auth"]) as auth:
        token = {"service_token_file": file}
        assert await hears(certified(tmp_path, own, auth=token, channels={"auth": auth.address}))


async def test_a_gateway_that_nobody_tells_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_denials, "_log", structlog.get_logger())  # one that is bound to nothing yet
    denied = RevokedAtTheDoor()
    with capture_logs() as said:
        async with following(denied, None):
            pass
    assert [line["event"] for line in said] == ["revoked_tokens_are_left_to_the_services"]
    assert denied.told == Denials()
