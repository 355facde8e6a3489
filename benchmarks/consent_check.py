"""What a consent check costs: the same unary call without one, with a kept answer, and asking each time.

One process holds the consent service (SQLite) and four servers of one method with the smallest handler, whose
gates differ. They take turns (A B C D A B …), so that the machine's noise hits all alike; CPU time of both
sides counts, the consent service's included. Only ratios of one run mean something.

Run: python -m benchmarks.consent_check [--rounds 9] [--calls 300]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from pulsemesh import connect
from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.workout.v1 import athlete_service_pb2 as messages
from pulsemesh.workout.v1 import athlete_service_pb2_grpc as service
from services.auth.identity import development_user_id
from services.auth.issuer import DevelopmentIssuer
from services.auth.keys import jwks_path
from services.chassis.auth import FileKeys, JwksAuthenticator
from services.chassis.consent import ConsentGate, DevelopmentConsentGate
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.settings import load_settings
from services.host.consents import ServiceConsentGate
from services.host.platform import Platform, running_platform

ISSUER = "pulsemesh-eu"
LOGIN = "bench"
USER = development_user_id("eu", LOGIN)
PURPOSES = frozenset({Purpose.PURPOSE_TRAINING_ANALYSIS, Purpose.PURPOSE_HEALTH_DATA})
REQUEST = messages.GetAthleteSettingsRequest()
TARGET_KEPT = 1.05
"""A kept answer may cost so much of the call without a check."""


class Athletes(service.AthleteServiceServicer):
    """The smallest handler there is: what remains is the machinery."""

    async def GetAthleteSettings(  # noqa: N802 - the contract's name
        self, request: messages.GetAthleteSettingsRequest, context: object
    ) -> messages.GetAthleteSettingsResponse:
        return messages.GetAthleteSettingsResponse()


async def serve(stack: AsyncExitStack, data_dir: Path, gate: ConsentGate) -> grpc.aio.Channel:
    """A server behind this gate, and a channel to it."""
    collector = ServiceCollector(
        PipelinePorts(
            cell="eu",
            authenticator=JwksAuthenticator(FileKeys(jwks_path(data_dir)), issuer=ISSUER),
            consent=gate,
        )
    )
    make: Any = Athletes  # the other methods are not called
    service.add_AthleteServiceServicer_to_server(make(), cast(Any, collector))
    server = grpc.aio.server()
    collector.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stack.push_async_callback(server.stop, None)
    return await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))


def asking_over_the_wire(platform: Platform, token: str) -> ServiceConsentGate:
    """A gate that reaches the consent service as another process would, and keeps nothing."""
    channel = grpc.aio.insecure_channel(platform.address, interceptors=[_Bearer(token)])
    return ServiceConsentGate(lambda: channel)


class _Bearer(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(details._replace(metadata=self._metadata), request)


async def grant(platform: Platform, token: str) -> None:
    """Let the person allow everything."""
    async with connect(platform.address, token) as client:
        await client.consent.set_jurisdiction("DE", birth_month="1990-07")
        offered = await client.consent.purposes()
        await client.consent.grant([each.text for each in offered.purposes])


async def measure(
    channels: Mapping[str, grpc.aio.Channel], rounds: int, calls: int, metadata: Any
) -> dict[str, list[float]]:
    """CPU in microseconds a call, one figure a round and variant."""
    figures: dict[str, list[float]] = {name: [] for name in channels}
    for turn in range(rounds + 1):
        for name, channel in channels.items():
            stub: Any = service.AthleteServiceStub(channel)
            before = time.process_time()
            for _ in range(calls):
                await stub.GetAthleteSettings(REQUEST, metadata=metadata)
            if turn:  # the first round warms up
                figures[name].append((time.process_time() - before) / calls * 1e6)
    return figures


async def alone_us(gate: ConsentGate, checks: int) -> float:
    """CPU in microseconds of one check, without a call around it."""
    before = time.process_time()
    for _ in range(checks):
        await gate.check(USER, PURPOSES)
    return (time.process_time() - before) / checks * 1e6


async def run(data_dir: Path, rounds: int, calls: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Measure every variant."""
    settings = load_settings(
        {
            "data_dir": data_dir,
            "server": {"listen": "127.0.0.1:0"},
            "telemetry": {"log_level": "error"},
            "consent": {"gate": "service"},
        }
    )
    issuer = DevelopmentIssuer(data_dir, cell="eu", issuer=ISSUER)
    token = issuer.issue(LOGIN).access_token
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(running_platform(settings, ["consent"]))
        await grant(platform, token)
        keeping = ServiceConsentGate(lambda: platform.channel("consent"))
        listening = asyncio.create_task(keeping.run())
        stack.callback(listening.cancel)
        await keeping.check(USER, PURPOSES)
        gates: dict[str, ConsentGate] = {
            "no check": DevelopmentConsentGate(development=True),
            "kept": keeping,
            "asked, same process": ServiceConsentGate(lambda: platform.channel("consent")),
            "asked, over loopback": asking_over_the_wire(
                platform, issuer.issue_for_service("b").access_token
            ),
        }
        channels = {name: await serve(stack, data_dir, gate) for name, gate in gates.items()}
        figures = await measure(channels, rounds, calls, (("authorization", f"Bearer {token}"),))
        alone = {
            name: await alone_us(gate, 20_000 if name in {"no check", "kept"} else calls)
            for name, gate in gates.items()
        }
    return figures, alone


def report(figures: Mapping[str, list[float]], alone: Mapping[str, float]) -> None:
    """Print medians, and ratios of the same round."""
    plain = figures["no check"]
    print(f"{'':<22}{'us a call':>12}{'ratio':>8}{'us a check alone':>20}")
    for name, values in figures.items():
        ratio = statistics.median(one / other for one, other in zip(values, plain, strict=True))
        print(f"{name:<22}{statistics.median(values):>12.1f}{ratio:>8.2f}{alone[name]:>20.2f}")
    print(f"a kept answer should cost at most {TARGET_KEPT:.2f} of the call without a check")


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=300)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        report(*uvloop.run(run(Path(directory), options.rounds, options.calls)))


if __name__ == "__main__":
    main()
