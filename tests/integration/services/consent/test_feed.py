"""The consent service in another process: changes are heard within a second, and silence is not trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from pulsemesh import connect, errors
from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.auth.identity import development_user_id
from services.chassis.cancellation import end_tasks
from services.chassis.errors import AccessDenied, Unavailable
from services.host.consents import ServiceConsentGate
from services.host.platform import Platform, running_platform
from tests.fixtures.waiting import eventually
from tests.integration.services.consent.conftest import allow, settings_of, token

ANN = development_user_id("eu", "ann")
HEALTH = frozenset({Purpose.PURPOSE_HEALTH_DATA})


@pytest.fixture
async def consents(tmp_path: Path) -> AsyncIterator[Platform]:
    async with running_platform(settings_of(tmp_path), ["consent"]) as platform:
        yield platform


@pytest.fixture
async def elsewhere(consents: Platform, tmp_path: Path) -> AsyncIterator[Platform]:
    settings = settings_of(tmp_path, channels={"consent": consents.address})
    async with running_platform(settings, ["workout"]) as platform:
        await eventually(lambda: gate_of(platform).answers._trusted)
        yield platform


def gate_of(platform: Platform) -> ServiceConsentGate:
    gate: Any = platform._gate
    assert isinstance(gate, ServiceConsentGate)
    return gate


async def test_a_withdrawal_reaches_a_process_that_keeps_the_answer(
    consents: Platform, elsewhere: Platform, tmp_path: Path
) -> None:
    gate = gate_of(elsewhere)
    async with connect(consents.address, token(tmp_path, "ann")) as client:
        await allow(client, "health_data")
        await eventually(lambda: _keeps(gate))
        await client.consent.withdraw("health_data")
        # What is kept would hold for half a minute: it is dropped because the change is heard.
        await eventually(lambda: _refuses(gate), timeout_s=20.0)
        with pytest.raises(AccessDenied):
            await gate.check(ANN, HEALTH)


async def test_methods_of_another_process_are_refused(
    consents: Platform, elsewhere: Platform, tmp_path: Path
) -> None:
    async with connect(elsewhere.address, token(tmp_path, "ann")) as client:
        with pytest.raises(errors.ConsentMissing):
            await client.athlete.settings()


async def test_while_the_consent_service_is_away_nothing_is_allowed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        consents = AsyncExitStack()
        service = await consents.enter_async_context(running_platform(settings_of(tmp_path), ["consent"]))
        settings = settings_of(tmp_path, channels={"consent": service.address})
        other = await stack.enter_async_context(running_platform(settings, ["workout"]))
        async with connect(service.address, token(tmp_path, "ann")) as client:
            await allow(client, "health_data")
        gate = gate_of(other)
        await eventually(lambda: _keeps(gate))
        await consents.aclose()
        await eventually(lambda: not gate.answers._trusted)
        with pytest.raises(Unavailable):
            await gate.check(ANN, HEALTH)


async def _keeps(gate: ServiceConsentGate) -> bool:
    return await _allows(gate) and gate.answers.kept(ANN) is not None


async def _allows(gate: ServiceConsentGate) -> bool:
    return not await gate.refused(ANN, HEALTH)


async def _refuses(gate: ServiceConsentGate) -> bool:
    return not await _allows(gate)


async def test_a_feed_that_falls_silent_is_not_trusted() -> None:
    feed = SilentFeed()
    gate = ServiceConsentGate(lambda: None, silence_s=0.05)  # type: ignore[arg-type,return-value]
    gate._stub = feed  # type: ignore[assignment]
    listening = asyncio.create_task(gate.run())
    await feed.heard.wait()
    await eventually(lambda: gate.answers._trusted)
    await eventually(lambda: feed.watched > 1)  # it gave up, and tried again
    await end_tasks(listening)
    assert not gate.answers._trusted


class SilentFeed:
    """A consent service whose feed says one thing, and then nothing."""

    def __init__(self) -> None:
        self.watched = 0
        self.heard = asyncio.Event()

    def WatchChanges(self, _request: Any) -> SilentFeed:
        self.watched += 1
        self._said = self.watched > 1
        return self

    def __aiter__(self) -> SilentFeed:
        return self

    async def __anext__(self) -> wire.WatchChangesResponse:
        if self._said:
            await asyncio.Event().wait()
        self._said = True
        self.heard.set()
        return wire.WatchChangesResponse()

    def cancel(self) -> None:
        """The call is over."""
