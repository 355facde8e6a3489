"""What the gateway costs and what it holds: Envoy beside no gateway and beside a proxy written in Python.

Four measurements, each way in the same run: the calls of one client (p50, p99, calls a second, CPU of the way
itself), messages on streams, limits counted over several gateways, and calls and acknowledged messages over a
change of the configuration and a drain. Rates of one machine say little; the ratios say more.

Run: python -m benchmarks.gateway [--calls 1500] [--seconds 6]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import uvloop

from benchmarks.gateway_parts import Stage, cpu_s, limited_methods
from pulsemesh.workout.v1 import ingest_service_pb2, ingest_service_pb2_grpc
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.chassis.limits import InProcessRateLimiter
from services.gateway.binary import NoEnvoy
from services.gateway.process import EnvoyProcess
from services.gateway.ratelimit import RateLimitServer
from services.gateway.rendering import render, write
from services.gateway.shape import Address

REQUEST = messages.GetWorkoutRequest(workout_id="01J00000000000000000000000")
WAYS = ("direct", "envoy", "python")
ROUNDS = 3


@dataclass
class Calls:
    """What one way did with the same calls."""

    seconds: list[float]
    wall_s: float
    proxy_cpu_s: float

    def row(self, name: str, base: Calls) -> str:
        ordered = sorted(self.seconds)
        p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
        theirs = sorted(base.seconds)
        ratio50 = p50 / statistics.median(theirs)
        ratio99 = p99 / theirs[int(len(theirs) * 0.99)]
        rate = len(ordered) / self.wall_s
        cpu_us = self.proxy_cpu_s / len(ordered) * 1e6
        return (
            f"{name:<8}{p50 * 1e3:8.2f}{p99 * 1e3:8.2f} ms{rate:9.0f}/s{cpu_us:8.0f} us"
            f"   x{ratio50:.2f} p50, x{ratio99:.2f} p99"
        )


async def unary(stage: Stage, name: str, calls: int) -> Calls:
    """Calls, eight at a time."""
    stub = service.WorkoutServiceStub(stage.channel(name))
    await stub.GetWorkout(REQUEST, metadata=stage.metadata)
    taken: list[float] = []
    left = calls

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await stub.GetWorkout(REQUEST, metadata=stage.metadata)
            taken.append(time.perf_counter() - began)

    before, began = cpu_s(stage.pid(name)), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(8)))
    return Calls(taken, time.perf_counter() - began, cpu_s(stage.pid(name)) - before)


async def streams(stage: Stage, name: str, count: int, each: int) -> float:
    """Messages a second, there and back, over many streams at once."""
    stub = ingest_service_pb2_grpc.IngestServiceStub(stage.channel(name))

    async def stream() -> None:
        call = stub.StreamSamples(metadata=stage.metadata)
        for _ in range(each):
            await call.write(ingest_service_pb2.StreamSamplesRequest())
            await call.read()
        await call.done_writing()

    began = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(count)))
    return count * each / (time.perf_counter() - began)


async def costs(stage: Stage, calls: int) -> None:
    figures: dict[str, list[Calls]] = {name: [] for name in WAYS}
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(ROUNDS + 1):
        for name in WAYS:
            found = await unary(stage, name, calls)
            rate = await streams(stage, name, 50, 20)
            if turn:  # the first round warms up
                figures[name].append(found)
                rates[name].append(rate)
    print("unary      p50     p99        calls   CPU of the way itself, a call")
    merged = {
        name: Calls(
            [one for found in all_ for one in found.seconds],
            sum(found.wall_s for found in all_),
            sum(found.proxy_cpu_s for found in all_),
        )
        for name, all_ in figures.items()
    }
    for name in WAYS:
        print(merged[name].row(name, merged["direct"]))
    print("streams, 50 at once: messages there and back a second")
    for name in WAYS:
        rate = statistics.median(rates[name])
        print(f"{name:<8}{rate:9.0f}/s   x{rate / statistics.median(rates['direct']):.2f}")


async def limits_hold(stage: Stage, gateways: int, allowed: int) -> None:
    """One caller, several gateways, one limit over all: exactly so many calls pass."""
    methods = limited_methods(allowed)
    counting = RateLimitServer(
        InProcessRateLimiter(), listen="127.0.0.1:0", methods=[one.method for one in methods]
    )
    shape = stage.shape(limits=Address.parse(await counting.start()))
    stubs = []
    for number in range(gateways):
        place = replace(shape, folder=str(stage.folder / f"limited-{number}"))
        stubs.append(service.WorkoutServiceStub(await stage.gateway(place, methods)))
    passed = refused = 0

    async def caller(stub: Any) -> None:
        nonlocal passed, refused
        for _ in range(allowed):
            try:
                await stub.GetWorkout(REQUEST, metadata=stage.metadata)
                passed += 1
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                refused += 1

    await asyncio.gather(*(caller(stub) for stub in stubs for _ in range(2)))
    await counting.stop()
    print(
        f"limits: {passed + refused} calls of one caller at {gateways} gateways, {allowed} allowed over all: "
        f"{passed} passed, {refused} refused"
    )
    if passed != allowed:
        sys.exit("the limit did not hold")


class Load:
    """Calls and streams that go on while something is done to the gateway."""

    def __init__(self, stage: Stage, channels: list[grpc.aio.Channel]) -> None:
        self._stage = stage
        self._stubs = [service.WorkoutServiceStub(channel) for channel in channels]
        self._ingest = [ingest_service_pb2_grpc.IngestServiceStub(channel) for channel in channels]
        self.calls = self.failed = self.moved = self.acknowledged = self.reconnects = 0
        self.running = True

    async def call(self, number: int) -> None:
        """Unary calls at one gateway; at the next one when its port is gone, as behind a load balancer."""
        while self.running:
            self.calls += 1
            for attempt in range(len(self._stubs) + 1):
                stub = self._stubs[(number + attempt) % len(self._stubs)]
                try:
                    await stub.GetWorkout(REQUEST, metadata=self._stage.metadata)
                    self.moved += attempt > 0
                    break
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        self.failed += 1
                        print(f"failed: {error.code().name} {error.details()}", flush=True)
                        break
            else:
                self.failed += 1

    async def stream(self, number: int) -> None:
        """Messages that are sent again until they are acknowledged, as the edge does."""
        turn = number
        while self.running:
            call = self._ingest[turn % len(self._ingest)].StreamSamples(metadata=self._stage.metadata)
            try:
                while self.running:
                    await call.write(ingest_service_pb2.StreamSamplesRequest())
                    answer = await call.read()
                    if answer is grpc.aio.EOF:
                        raise ConnectionError
                    self.acknowledged += 1
                    await asyncio.sleep(0.005)
                await call.done_writing()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError, ConnectionError):
                self.reconnects += 1
                turn += 1


async def under_load(
    stage: Stage, channels: list[grpc.aio.Channel], seconds: float, act: Callable[[], Awaitable[None]]
) -> Load:
    """Load for so long, with something done in its middle."""
    load = Load(stage, channels)
    tasks = [asyncio.create_task(load.call(number)) for number in range(4)]
    tasks += [asyncio.create_task(load.stream(number)) for number in range(4)]
    await asyncio.sleep(seconds / 2)
    await act()
    await asyncio.sleep(seconds / 2)
    load.running = False
    await asyncio.gather(*tasks)
    return load


async def nothing_is_lost(stage: Stage, seconds: float) -> None:
    shape = stage.shape()
    first = replace(shape, folder=str(stage.folder / "first"))
    second = replace(shape, folder=str(stage.folder / "second"))
    channels = [await stage.gateway(first), await stage.gateway(second)]
    methods = limited_methods(None)

    async def reconfigure() -> None:
        for number in range(10):
            for place in (first, second):
                changed = replace(place, denied_sessions=(f"nobody-{number}",))
                write(render(changed, methods), Path(place.folder))
            await asyncio.sleep(0.1)

    stage.received()
    load = await under_load(stage, channels, seconds, reconfigure)
    _told("20 hot changes of the configuration", stage, load)

    envoy: EnvoyProcess = stage.envoys[-2]
    load = await under_load(stage, channels, seconds, lambda: envoy.drain(3.0))
    _told("a drain of one gateway of two", stage, load)


def _told(what: str, stage: Stage, load: Load) -> None:
    received = stage.received()
    print(
        f"{what}: {load.calls} calls, {load.failed} failed, {load.moved} by the other gateway when one "
        f"was gone; {load.acknowledged} messages acknowledged, "
        f"{received} received by the service, {load.reconnects} streams opened again"
    )
    if load.failed or received < load.acknowledged:
        sys.exit("something was lost")


async def run(calls: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="pulsemesh-bench-") as folder:
        stage = Stage(Path(folder))
        try:
            await stage.start()
            await costs(stage, calls)
            await limits_hold(stage, gateways=3, allowed=200)
            await nothing_is_lost(stage, seconds)
        finally:
            await stage.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_500)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args(argv)
    try:
        uvloop.run(run(options.calls, options.seconds))
    except NoEnvoy as error:
        print(error)


if __name__ == "__main__":
    main()
