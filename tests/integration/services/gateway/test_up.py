"""`pulsemesh-server up`: the platform and the gateway by one command, and what that command can be told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import development_issuer_service_pb2 as issuing
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as issuer
from pulsemesh.auth.v1 import session_service_pb2 as sessions
from pulsemesh.auth.v1 import session_service_pb2_grpc as sessions_grpc
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.auth.issuer import DevelopmentIssuer
from services.gateway.binary import NoEnvoy, find_envoy
from services.host.exit_codes import ExitCode

PATIENCE_S = 90


class Up:
    """The running command."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.ready: dict[str, Any] = {}
        self._ready_file = folder / "ready.json"
        self._log = folder / "log.txt"
        self.environment = {
            **os.environ,
            "PULSEMESH_DATA_DIR": str(self.data_dir),
            "PULSEMESH_GATEWAY_LISTEN": "127.0.0.1:0",
            "PULSEMESH_GATEWAY_THREADS": "1",
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "services.host", *words]

    def start(self, *domains: str) -> subprocess.Popen[bytes]:
        """Without domains: all of them."""
        words = ("up", *domains, "--listen", "127.0.0.1:0", "--ready-file", str(self._ready_file))
        with self._log.open("wb") as log:
            process = subprocess.Popen(self.command(*words), env=self.environment, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while not self._ready_file.exists():
            assert process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.05)
        self.ready = json.loads(self._ready_file.read_text())
        return process

    def channel(self) -> grpc.Channel:
        authority = (self.data_dir / "certificates" / "authority.pem").read_bytes()
        address = self.ready["address"].removeprefix("https://")
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority))

    def said(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[Up, subprocess.Popen[bytes]]]:
    made = Up(folder)
    process = made.start()
    try:
        yield made, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)


def test_one_command_serves_platform_and_gateway_and_leaves_nothing_behind(tmp_path: Path) -> None:
    try:
        find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    with running(tmp_path) as (up, process):
        assert up.ready["direct_address"] in up.said()
        assert up.ready["address"] in up.said()
        with up.channel() as channel:
            request = issuing.CreateAccessTokenRequest(login="ann")
            token = issuer.DevelopmentIssuerServiceStub(channel).CreateAccessToken(request).access_token
            metadata = (("authorization", f"Bearer {token}"),)
            stub = service.WorkoutServiceStub(channel)
            answer = stub.ListWorkouts(messages.ListWorkoutsRequest(), metadata=metadata)
            assert not answer.workouts

            reloading = subprocess.run(
                up.command("gateway", "reload"), env=up.environment, check=False, timeout=PATIENCE_S
            )
            assert reloading.returncode == 0
            stub.ListWorkouts(messages.ListWorkoutsRequest(), metadata=metadata)
            _older_tokens_end_at_the_door(up, channel)

        second = {
            **up.environment,
            "PULSEMESH_DATA_DIR": str(tmp_path / "second"),
            "PULSEMESH_GATEWAY_LISTEN": up.ready["address"].removeprefix("https://"),
        }
        refused = subprocess.run(up.command("gateway", "run"), env=second, check=False, timeout=PATIENCE_S)
        assert refused.returncode == ExitCode.ADDRESS

        validating = subprocess.run(
            up.command("gateway", "validate"), env=up.environment, check=False, timeout=PATIENCE_S
        )
        assert validating.returncode == 0

        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert not _listens(up.ready["address"].removeprefix("https://"))


def _older_tokens_end_at_the_door(up: Up, channel: grpc.Channel) -> None:
    """The gateway says it in other words than the services."""
    issuer = DevelopmentIssuer(up.data_dir, cell="eu", issuer="pulsemesh-eu", clock_s=lambda: time.time() - 5)
    metadata = (("authorization", f"Bearer {issuer.issue('ben').access_token}"),)
    everywhere = sessions.EndAllSessionsRequest()
    sessions_grpc.SessionServiceStub(channel).EndAllSessions(everywhere, metadata=metadata)
    stub = service.WorkoutServiceStub(channel)
    until, said = time.monotonic() + PATIENCE_S, ""
    while said != "the session has ended: sign in again":
        assert time.monotonic() < until, said
        time.sleep(0.05)
        try:
            stub.ListWorkouts(messages.ListWorkoutsRequest(), metadata=metadata)
        except grpc.RpcError as error:
            said = str(error.details())


def _listens(address: str) -> bool:
    channel = grpc.insecure_channel(address)
    try:
        grpc.channel_ready_future(channel).result(timeout=0.5)
    except grpc.FutureTimeoutError:
        return False
    finally:
        channel.close()
    return True


def test_without_envoy_the_platform_is_served_and_says_so(tmp_path: Path) -> None:
    made = Up(tmp_path)
    made.environment["PULSEMESH_GATEWAY_ENVOY"] = str(tmp_path / "nothing")
    process = made.start("auth")
    try:
        assert made.ready["address"] == made.ready["direct_address"]
        assert "without a gateway" in made.said()
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
