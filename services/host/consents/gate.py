"""The gate that asks the consent service, in this process or in another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import structlog

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.consent.v1.consent_service_pb2_grpc import ConsentServiceStub
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.consent import consent_missing, consent_unavailable
from services.host.consents.answers import MAX_AGE_S, Answer, Answers

ASK_S = 1.5
"""Longer than that nobody waits for the consent service: the answer is then that none can be given."""

SILENCE_S = 3.0
"""The feed says something every second at least; after so much silence it is taken for broken."""

_FIRST_PAUSE_S = 0.05
_MAX_PAUSE_S = 2.0

_log = structlog.get_logger(__name__)


class ServiceConsentGate:
    """See `services.chassis.consent.ConsentGate`. Also a background task: it listens to the feed."""

    name = "consent feed"

    def __init__(
        self,
        channel: Callable[[], grpc.aio.Channel],
        *,
        clock_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
        silence_s: float = SILENCE_S,
    ) -> None:
        """
        Args:
            channel: to the consent service; opened with the first call.
        """
        self._channel = channel
        self._clock_s = clock_s
        self._silence_s = silence_s
        self._stub: ConsentServiceStub | None = None
        self._heard = False
        self.answers = Answers(self._ask, monotonic_s)

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        """See `ConsentGate.check`."""
        granted = self.answers.kept(user_id)
        if granted is None:
            granted = await self._granted(user_id)
        if not purposes <= granted:
            raise consent_missing(purposes - granted)

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        """See `ConsentGate.refused`."""
        return purposes - await self._granted(user_id)

    def forget(self, user_id: str) -> None:
        """See `ConsentGate.forget`."""
        self.answers.forget(user_id)

    async def _granted(self, user_id: str) -> frozenset[Purpose.ValueType]:
        try:
            return await self.answers.get(user_id)
        except (grpc.RpcError, LookupError, OSError) as error:
            _log.warning("consent_service_does_not_answer", reason=_reason(error))
            raise consent_unavailable() from error

    async def _ask(self, user_id: str) -> Answer:
        response = await self._service().Check(wire.CheckRequest(user_id=user_id), timeout=ASK_S)
        granted = frozenset(each.purpose for each in response.decisions if each.granted)
        if not response.HasField("valid_until"):
            return Answer(granted)
        return Answer(granted, min(response.valid_until.ToMilliseconds() / 1000 - self._clock_s(), MAX_AGE_S))

    def _service(self) -> Any:
        if self._stub is None:
            self._stub = ConsentServiceStub(self._channel())
        return self._stub

    async def run(self) -> None:
        """Listen until cancelled. While the feed is broken nothing is kept: every question is asked anew."""
        failures = 0
        try:
            while True:
                try:
                    await self._listen()
                    failures = 0
                except (grpc.RpcError, TimeoutError, LookupError, OSError) as error:
                    failures = 1 if self._heard else failures + 1
                    # Once is a restart, here or there.
                    tell = _log.info if self._heard else _log.warning
                    tell("consent_feed_is_broken", reason=_reason(error))
                finally:
                    self.answers.distrust()
                await asyncio.sleep(min(_FIRST_PAUSE_S * 2.0 ** min(failures, 10), _MAX_PAUSE_S))
        finally:
            await self.answers.close()

    async def _listen(self) -> None:
        self._heard = False
        call = self._service().WatchChanges(wire.WatchChangesRequest())
        try:
            messages = aiter(call)
            while True:
                async with asyncio.timeout(self._silence_s):
                    message = await anext(messages, None)
                if message is None:
                    return
                if not self._heard:
                    self._heard = True
                    self.answers.trust()
                for change in message.changes:
                    self.answers.forget(change.user_id)
        finally:
            call.cancel()


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
