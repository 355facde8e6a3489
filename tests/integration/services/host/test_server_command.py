"""The command `pulsemesh-server`, as a process: starting, answering, draining, and its exit codes."""

from __future__ import annotations

import json
import os
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
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from pulsemesh.auth.v1 import development_issuer_service_pb2 as auth_messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as auth_service
from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.host.exit_codes import ExitCode

PATIENCE_S = 60.0
ISSUER = "pulsemesh.auth.v1.DevelopmentIssuerService"


class Server:
    """A `pulsemesh-server` process."""

    def __init__(self, directory: Path, *arguments: str, **environment: str) -> None:
        self.ready_file = directory / "ready.json"
        self.ready_file.unlink(missing_ok=True)
        self._log = (directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.host", *arguments, "--ready-file", str(self.ready_file)],
            env=clean_environment(PULSEMESH_DATA_DIR=str(directory / "data"), **environment),
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

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
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


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.host", *arguments],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


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


def test_the_platform_serves_says_so_and_leaves_when_told(start: Start) -> None:
    server = start("serve", "--listen", "127.0.0.1:0")
    ready = server.wait_ready()
    with grpc.insecure_channel(ready["address"]) as channel:
        token = token_from(channel).access_token
        workouts: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        history = workouts.ListWorkouts(
            workout_service_pb2.ListWorkoutsRequest(),
            metadata=(("authorization", f"Bearer {token}"),),
            timeout=PATIENCE_S,
        )
        assert not history.workouts
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", ISSUER, "pulsemesh.workout.v1.WorkoutService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=PATIENCE_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert ISSUER in ProtoReflectionDescriptorDatabase(channel).get_services()
    assert server.stop() == ExitCode.OK
    assert ready["domains"] == ["auth", "workout"]
    assert server.output == (
        f"pulsemesh-server: serving auth, workout on {ready['address']} (cell eu, development)\n"
    )


def test_one_domain_is_served_alone(start: Start) -> None:
    server = start("serve", "auth", "--listen", "127.0.0.1:0")
    ready = server.wait_ready()
    with grpc.insecure_channel(ready["address"]) as channel:
        stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListWorkouts(workout_service_pb2.ListWorkoutsRequest(), timeout=PATIENCE_S)
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert server.stop(signal.SIGINT) == ExitCode.OK


def test_a_health_watcher_does_not_hold_up_the_drain(start: Start) -> None:
    server = start("serve", "auth", "--listen", "127.0.0.1:0")
    ready = server.wait_ready()
    with grpc.insecure_channel(ready["address"]) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=ISSUER))
        seen = [next(watch).status]
        server.process.send_signal(signal.SIGTERM)
        try:
            seen.extend(answer.status for answer in watch)
        except grpc.RpcError:
            pass
        assert seen == [
            health_pb2.HealthCheckResponse.SERVING,
            health_pb2.HealthCheckResponse.NOT_SERVING,
        ]
    assert server.stop() == ExitCode.OK


def test_a_token_of_the_command_line_is_good_at_the_server(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--listen", "127.0.0.1:0")
    ready = server.wait_ready()
    made = run("token", "ann", "--data-dir", str(tmp_path / "data"))
    assert made.returncode == ExitCode.OK
    with grpc.insecure_channel(ready["address"]) as channel:
        stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        stub.ListWorkouts(
            workout_service_pb2.ListWorkoutsRequest(),
            metadata=(("authorization", f"Bearer {made.stdout.strip()}"),),
            timeout=PATIENCE_S,
        )
    assert server.stop() == ExitCode.OK


def test_a_port_in_use_is_said_and_coded(start: Start, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = run("serve", "auth", "--listen", address, PULSEMESH_DATA_DIR=str(tmp_path))
    assert refused.returncode == ExitCode.ADDRESS
    assert f"cannot listen on {address}" in refused.stderr


def test_a_second_server_on_the_same_files_is_refused(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--listen", "127.0.0.1:0")
    server.wait_ready()
    second = run("serve", "--listen", "127.0.0.1:0", PULSEMESH_DATA_DIR=str(tmp_path / "data"))
    assert second.returncode == ExitCode.STORE
    assert server.stop() == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("serve", "nowhere"), {}, "there is no domain 'nowhere'"),
        (("serve",), {"PULSEMESH_CELL": "EU"}, "PULSEMESH_CELL"),
        (("serve",), {"PULSEMESH_MODE": "production"}, "PULSEMESH_AUTH__JWKS_URL"),
        (("serve", "--workers", "2"), {}, "PULSEMESH_SERVER__WORKERS"),
        (("token", "A B"), {}, "a login is"),
        (("token", "ann", "--scope", "admin"), {}, "admin"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_its_reason(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    refused = run(*arguments, PULSEMESH_DATA_DIR=str(tmp_path), **environment)
    assert refused.returncode == ExitCode.USAGE
    assert says in refused.stderr


def test_settings_are_listed() -> None:
    listed = run("settings")
    assert listed.returncode == ExitCode.OK
    assert "PULSEMESH_SERVER__LISTEN=127.0.0.1:50051" in listed.stdout


def test_check_looks_at_everything(tmp_path: Path) -> None:
    checked = run("check", PULSEMESH_DATA_DIR=str(tmp_path))
    assert checked.returncode == ExitCode.OK
    assert "policies of 16 methods in 5 services" in checked.stdout
    assert "FAILED" not in checked.stdout


def test_check_names_what_cannot_be_reached(tmp_path: Path) -> None:
    checked = run(
        "check",
        PULSEMESH_DATA_DIR=str(tmp_path),
        PULSEMESH_DATABASE__URL="postgresql://nobody@127.0.0.1:1/none",
    )
    assert checked.returncode == ExitCode.STORE
    assert "FAILED  database of workout" in checked.stdout


def test_migrations_are_applied_once(postgres_url: str, tmp_path: Path) -> None:
    environment = {"PULSEMESH_DATA_DIR": str(tmp_path), "PULSEMESH_DATABASE__URL": postgres_url}
    first, second = run("migrate", **environment), run("migrate", **environment)
    assert (first.returncode, second.returncode) == (ExitCode.OK, ExitCode.OK)
    assert first.stdout.startswith("workout: 0001")
    assert second.stdout == "workout: up to date\n"


def test_workers_share_a_port_and_are_replaced(start: Start, postgres_url: str, redis_url: str) -> None:
    server = start(
        *("serve", "--listen", "127.0.0.1:0", "--workers", "2"),
        PULSEMESH_DATABASE__URL=postgres_url,
        PULSEMESH_BUS__URL=redis_url,
        PULSEMESH_STORE__LIVE_URL=redis_url,
    )
    ready = server.wait_ready()
    assert len(set(ready["pids"])) == 2
    with grpc.insecure_channel(ready["address"]) as channel:
        token_from(channel)
    os.kill(ready["pids"][0], signal.SIGKILL)
    os.kill(ready["pids"][1], signal.SIGKILL)
    with grpc.insecure_channel(ready["address"]) as channel:
        assert token_from(channel).user_id
    assert server.stop() == ExitCode.OK
    for pid in ready["pids"]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_with_a_supervisor_that_is_killed(
    start: Start, postgres_url: str, redis_url: str
) -> None:
    server = start(
        *("serve", "auth", "--listen", "127.0.0.1:0", "--workers", "2"),
        PULSEMESH_DATABASE__URL=postgres_url,
        PULSEMESH_BUS__URL=redis_url,
        PULSEMESH_STORE__LIVE_URL=redis_url,
    )
    pids = server.wait_ready()["pids"]
    server.process.kill()
    server.stop()
    until = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.1)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
