"""The command `pulsemesh-server`, as a process: starting, answering, draining, and its exit codes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from click.testing import CliRunner, Result
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from pulsemesh.auth.v1 import development_issuer_service_pb2 as auth_messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as auth_service
from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.host.cli import main
from services.host.exit_codes import ExitCode
from tests.fixtures.server_process import accepts_connections

PATIENCE_S = 60.0
ISSUER = "pulsemesh.auth.v1.DevelopmentIssuerService"


class Server:
    """A `pulsemesh-server` process."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.ready_file = directory / "ready.json"
        self.ready_file.unlink(missing_ok=True)
        self._told = False
        self.data_dir = directory / "data"
        self._log = (directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.host", *arguments, "--ready-file", str(self.ready_file)],
            env=clean_environment(PULSEMESH_DATA_DIR=str(self.data_dir), **environment),
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def wait_ready(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_S
        while not self.ready_file.exists():
            assert self.process.poll() is None, Path(self._log.name).read_text()
            assert time.monotonic() < until, Path(self._log.name).read_text()
            time.sleep(0.05)
        ready: dict[str, Any] = json.loads(self.ready_file.read_text())
        return ready

    def tell(self, number: int) -> None:
        self._told = True
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if not self._told and self.process.poll() is None:
            self.tell(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._log.close()
            assert self.process.stdout is not None
            self.output = self.process.stdout.read()
            self.process.stdout.close()


def clean_environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSEMESH_")}
    return kept | settings


def run(*arguments: str, **environment: str) -> Result:
    """The command in this process: quick, for what ends by itself."""
    with pytest.MonkeyPatch.context() as patch, logging_restored():
        for name in [name for name in os.environ if name.startswith("PULSEMESH_")]:
            patch.delenv(name)
        return CliRunner().invoke(main, arguments, env=environment)


@contextlib.contextmanager
def logging_restored() -> Iterator[None]:
    """The command sets up the logs of its whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def make(*arguments: str, **environment: str) -> Server:
        servers.append(Server(tmp_path, *arguments, **environment))
        return servers[-1]

    yield make
    for server in servers:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def token_from(channel: grpc.Channel, login: str = "ann") -> Any:
    stub: Any = auth_service.DevelopmentIssuerServiceStub(channel)
    return stub.CreateAccessToken(
        auth_messages.CreateAccessTokenRequest(login=login), timeout=PATIENCE_S, wait_for_ready=True
    )


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """All domains in one process, shared by the tests that change nothing."""
    server = Server(tmp_path_factory.mktemp("platform"), "serve", "--listen", "127.0.0.1:0")
    server.wait_ready()
    yield server
    assert server.stop() == ExitCode.OK


def list_workouts(channel: grpc.Channel, token: str) -> Any:
    stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
    return stub.ListWorkouts(
        workout_service_pb2.ListWorkoutsRequest(),
        metadata=(("authorization", f"Bearer {token}"),),
        timeout=PATIENCE_S,
    )


def test_all_domains_are_served(platform: Server) -> None:
    ready = platform.wait_ready()
    assert {"auth", "workout"} <= set(ready["domains"])
    with grpc.insecure_channel(ready["address"]) as channel:
        assert not list_workouts(channel, token_from(channel).access_token).workouts


def test_the_health_of_each_service_is_told(platform: Server) -> None:
    with grpc.insecure_channel(platform.wait_ready()["address"]) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", ISSUER, "pulsemesh.workout.v1.WorkoutService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_contracts_are_told_by_reflection(platform: Server) -> None:
    with grpc.insecure_channel(platform.wait_ready()["address"]) as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {ISSUER, "pulsemesh.workout.v1.IngestService", "grpc.health.v1.Health"} <= set(services)


def test_a_token_of_the_command_line_is_good_at_the_server(platform: Server) -> None:
    made = run("token", "ann", "--data-dir", str(platform.data_dir))
    with grpc.insecure_channel(platform.wait_ready()["address"]) as channel:
        list_workouts(channel, made.stdout.strip())


def test_a_second_server_on_the_same_files_is_refused(platform: Server) -> None:
    second = run("serve", "--listen", "127.0.0.1:0", "--data-dir", str(platform.data_dir))
    assert second.exit_code == ExitCode.STORE


def test_a_domain_is_served_alone_and_drains_although_its_health_is_watched(start: Start) -> None:
    server = start("serve", "auth", "--listen", "127.0.0.1:0")
    ready = server.wait_ready()
    with grpc.insecure_channel(ready["address"]) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            list_workouts(channel, "none")
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=ISSUER))
        seen = [next(watch).status]
        server.tell(signal.SIGINT)
        with contextlib.suppress(grpc.RpcError):
            seen.extend(answer.status for answer in watch)
    assert seen == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    assert server.stop() == ExitCode.OK
    assert server.output == f"pulsemesh-server: serving auth on {ready['address']} (cell eu, development)\n"


def test_a_port_in_use_is_said_and_coded(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = run("serve", "auth", "--listen", address, PULSEMESH_DATA_DIR=str(tmp_path))
    assert refused.exit_code == ExitCode.ADDRESS
    assert f"cannot listen on {address}" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("serve", "nowhere"), {}, "there is no domain 'nowhere'"),
        (("serve",), {"PULSEMESH_CELL": "EU"}, "PULSEMESH_CELL"),
        (("serve",), {"PULSEMESH_WORKOUT_ANSWERS_KEPT_H": "-1"}, "PULSEMESH_WORKOUT_ANSWERS_KEPT_H"),
        (("serve",), {"PULSEMESH_MODE": "production"}, "PULSEMESH_IDENTITY_KEY_ENCRYPTION_KEY_FILE"),
        (("serve", "--workers", "2"), {}, "PULSEMESH_SERVER__WORKERS"),
        (("token", "A B"), {}, "a login is"),
        (("token", "ann", "--scope", "admin"), {}, "admin"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_its_reason(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    refused = run(*arguments, PULSEMESH_DATA_DIR=str(tmp_path), **environment)
    assert refused.exit_code == ExitCode.USAGE
    assert says in refused.stderr


def test_settings_are_listed() -> None:
    listed = run("settings")
    assert listed.exit_code == ExitCode.OK
    assert "PULSEMESH_SERVER__LISTEN=127.0.0.1:50051" in listed.stdout


def test_check_looks_at_everything(tmp_path: Path) -> None:
    checked = run("check", PULSEMESH_DATA_DIR=str(tmp_path))
    assert checked.exit_code == ExitCode.OK
    assert re.search(r"ok +policies of \d{2,} methods in \d{2,} services", checked.stdout)
    assert "FAILED" not in checked.stdout


def test_check_names_what_cannot_be_reached(tmp_path: Path) -> None:
    checked = run(
        "check",
        PULSEMESH_DATA_DIR=str(tmp_path),
        PULSEMESH_DATABASE__URL="postgresql://nobody@127.0.0.1:1/none",
    )
    assert checked.exit_code == ExitCode.STORE
    assert "FAILED  database of workout" in checked.stdout


def test_migrations_are_applied_once(postgres_url: str, tmp_path: Path) -> None:
    environment = {"PULSEMESH_DATA_DIR": str(tmp_path), "PULSEMESH_DATABASE__URL": postgres_url}
    first, second = run("migrate", **environment), run("migrate", **environment)
    assert (first.exit_code, second.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert "auth: 0001" in first.stdout
    assert "workout: 0001" in first.stdout
    assert all(line.endswith(": up to date") for line in second.stdout.splitlines())


def test_workers_share_a_port_are_replaced_and_end_with_their_supervisor(
    start: Start, postgres_url: str, redis_url: str
) -> None:
    server = start(
        *("serve", "auth", "--listen", "127.0.0.1:0", "--workers", "2"),
        PULSEMESH_DATABASE__URL=postgres_url,
        PULSEMESH_BUS__URL=redis_url,
        PULSEMESH_STORE__LIVE_URL=redis_url,
    )
    ready = server.wait_ready()
    assert len(set(ready["pids"])) == 2
    for pid in ready["pids"]:
        os.kill(pid, signal.SIGKILL)
    with grpc.insecure_channel(ready["address"]) as channel:
        assert token_from(channel).user_id
    server.stop(signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while accepts_connections(int(ready["address"].rpartition(":")[2])):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_workers_drain_when_their_supervisor_is_told_to(
    start: Start, postgres_url: str, redis_url: str
) -> None:
    server = start(
        *("serve", "auth", "--listen", "127.0.0.1:0", "--workers", "2"),
        PULSEMESH_DATABASE__URL=postgres_url,
        PULSEMESH_BUS__URL=redis_url,
        PULSEMESH_STORE__LIVE_URL=redis_url,
    )
    ready = server.wait_ready()
    assert server.stop() == ExitCode.OK
    assert server.output.endswith("(cell eu, development, 2 workers)\n")
    assert not accepts_connections(int(ready["address"].rpartition(":")[2]))
