"""What the pipeline costs: a server's CPU for a unary call through all stages, beside a bare handler's.

Two servers, each a process of its own, take turns (A B A B …) at the same calls from one client, so that the
machine's noise hits both alike. Only the servers' CPU time counts. The third figure is the same call over the
in-process channel, pipeline, both copies of the messages and the client's side included.

Run: python -m benchmarks.unary_overhead [--rounds 15] [--calls 500]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.auth.issuer import DevelopmentIssuer
from services.auth.keys import jwks_path
from services.chassis.auth import FileKeys, JwksAuthenticator
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.inprocess import InProcessChannel
from services.chassis.limits import Decision
from services.chassis.limits.in_process import InProcessRateLimiter
from services.chassis.pipeline import PipelinePorts, ServiceCollector

ISSUER = "pulsemesh-eu"
TARGET_RATIO = 1.6
REQUEST = messages.GetWorkoutRequest(workout_id="01J00000000000000000000000")


class Workouts(service.WorkoutServiceServicer):
    """The smallest handler there is: what remains is the machinery."""

    async def GetWorkout(  # noqa: N802 - the contract's name
        self, request: messages.GetWorkoutRequest, context: object
    ) -> messages.GetWorkoutResponse:
        return messages.GetWorkoutResponse()


class UnlimitedBuckets(InProcessRateLimiter):
    """Does all the work of the limiter, then lets the benchmark go on beyond its method's limit."""

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        await super().take(key, rate, period, burst)
        return Decision(True)


def _servicer() -> Any:
    servicer: Any = Workouts  # the other methods are not called
    return servicer()


def collected(data_dir: Path) -> ServiceCollector:
    """The servicer behind the pipeline with every stage of its policy."""
    whole = ServiceCollector(
        PipelinePorts(
            cell="eu",
            authenticator=JwksAuthenticator(FileKeys(jwks_path(data_dir)), issuer=ISSUER),
            consent=DevelopmentConsentGate(development=True),
            limiter=UnlimitedBuckets(),
        )
    )
    service.add_WorkoutServiceServicer_to_server(_servicer(), cast(Any, whole))
    return whole


async def serve(kind: str, data_dir: Path) -> None:
    """Serve until standard input ends; answer each line on it with the CPU seconds used so far."""
    server = grpc.aio.server()
    if kind == "bare":
        service.add_WorkoutServiceServicer_to_server(_servicer(), server)
    else:
        collected(data_dir).add_to(server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)
    await server.stop(None)


class Child:
    """A server in a process of its own."""

    def __init__(self, kind: str, data_dir: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "benchmarks.unary_overhead",
            "--serve",
            kind,
            "--data-dir",
            str(data_dir),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        return line

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self._process.communicate()


@contextlib.contextmanager
def children(data_dir: Path) -> Iterator[dict[str, Child]]:
    """The two servers."""
    started = {kind: Child(kind, data_dir) for kind in ("bare", "pipeline")}
    try:
        yield started
    finally:
        for child in started.values():
            child.close()


async def call_repeatedly(stub: Any, calls: int, metadata: Any) -> None:
    for _ in range(calls):
        await stub.GetWorkout(REQUEST, metadata=metadata)


async def compare(
    servers: dict[str, Child], rounds: int, calls: int, metadata: Any
) -> dict[str, list[float]]:
    """Server CPU in microseconds a call, one figure a round and server."""
    channels = {name: grpc.aio.insecure_channel(f"127.0.0.1:{child.port}") for name, child in servers.items()}
    figures: dict[str, list[float]] = {name: [] for name in servers}
    for turn in range(rounds + 1):
        for name, child in servers.items():
            before = child.cpu_s()
            await call_repeatedly(service.WorkoutServiceStub(channels[name]), calls, metadata)
            if turn:  # the first round warms up
                figures[name].append((child.cpu_s() - before) / calls * 1e6)
    for channel in channels.values():
        await channel.close()
    return figures


async def in_process(data_dir: Path, rounds: int, calls: int, metadata: Any) -> float:
    """CPU in microseconds a call over the in-process channel, both sides."""
    async with InProcessChannel(collected(data_dir).handlers) as channel:
        stub = service.WorkoutServiceStub(channel)
        await call_repeatedly(stub, calls, metadata)
        began = time.process_time()
        await call_repeatedly(stub, rounds * calls, metadata)
        return (time.process_time() - began) / (rounds * calls) * 1e6


def report(figures: dict[str, list[float]], without_wire_us: float) -> None:
    ratio = statistics.median(
        full / bare for full, bare in zip(figures["pipeline"], figures["bare"], strict=True)
    )
    for name, values in figures.items():
        print(f"{name:<11}{statistics.median(values):8.1f} us of server CPU a unary call")
    print(f"in-process {without_wire_us:8.1f} us of CPU a unary call, client's side included")
    print(f"pipeline / bare = {ratio:.2f} (at most {TARGET_RATIO})")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--serve", choices=["bare", "pipeline"], help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        uvloop.run(serve(options.serve, options.data_dir))
        return
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        issuer = DevelopmentIssuer(data_dir, cell="eu", issuer=ISSUER)
        metadata = (("authorization", f"Bearer {issuer.issue('bench').access_token}"),)
        with children(data_dir) as servers:
            figures = uvloop.run(compare(servers, options.rounds, options.calls, metadata))
        report(figures, uvloop.run(in_process(data_dir, options.rounds, options.calls, metadata)))


if __name__ == "__main__":
    main()
