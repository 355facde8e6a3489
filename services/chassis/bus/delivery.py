"""How events reach a handler: together if possible, else one by one, with patience and an end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc
import structlog

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus.port import BusUnavailable, EventHandler
from services.chassis.database import StoreUnavailable
from services.chassis.errors import Unavailable

_log = structlog.get_logger(__name__)

_PASSING_CODES = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to be patient with an event that fails.

    Attributes:
        max_attempts: after so many failures an event is parked. Failures that pass by themselves (a store,
        the
            bus or another service is down) are not counted.
        first_pause_s, max_pause_s: the pause doubles from one to the other.
    """

    max_attempts: int = 6
    first_pause_s: float = 0.05
    max_pause_s: float = 5.0

    def pause_s(self, attempt: int) -> float:
        """Seconds to wait after failure number `attempt` (from 1), with jitter."""
        pause = min(self.first_pause_s * 2.0 ** min(attempt - 1, 30), self.max_pause_s)
        return pause * random.uniform(0.75, 1.25)


async def deliver(handler: EventHandler, envelopes: Sequence[Envelope], policy: RetryPolicy) -> None:
    """Return once each event is handled or parked; events of one subject never overtake each other."""
    if not envelopes:
        return
    failure: Exception | None = None
    try:
        await _patiently(lambda: handler.handle(envelopes), policy)
    except Exception as error:
        failure = error
    if failure is not None:
        failures = Counter({envelopes[0].event_id: 1}) if len(envelopes) == 1 else Counter[str]()
        if failures:
            await asyncio.sleep(policy.pause_s(1))
        await deliver_one_by_one(handler, envelopes, policy, failures)


async def deliver_one_by_one(
    handler: EventHandler, envelopes: Sequence[Envelope], policy: RetryPolicy, failures: Counter[str]
) -> None:
    """As `deliver`, each event in a transaction of its own; `failures` counts those so far by event id."""
    waiting = list(envelopes)
    round_number = 0
    while waiting:
        waiting = await _one_round(handler, waiting, policy, failures)
        if waiting:
            round_number += 1
            await asyncio.sleep(policy.pause_s(round_number))


async def _one_round(
    handler: EventHandler, envelopes: Sequence[Envelope], policy: RetryPolicy, failures: Counter[str]
) -> list[Envelope]:
    """Try each event once, except those behind a failed one of the same subject; returns what still waits."""
    left: list[Envelope] = []
    blocked: set[str] = set()
    for envelope in envelopes:
        if envelope.subject in blocked or not await _settled(handler, envelope, policy, failures):
            left.append(envelope)
            blocked.add(envelope.subject)
    return left


async def _settled(
    handler: EventHandler, envelope: Envelope, policy: RetryPolicy, failures: Counter[str]
) -> bool:
    try:
        await _patiently(lambda: handler.handle([envelope]), policy)
    except Exception as error:
        failures[envelope.event_id] += 1
        attempts = failures[envelope.event_id]
        if attempts < policy.max_attempts:
            return False
        reason = f"{type(error).__name__}: {error}"
        # The reason is kept with the dead letter; the log gets its kind only: it may quote personal data.
        _log.error(
            "event_parked",
            event_id=envelope.event_id,
            type=envelope.type,
            attempts=attempts,
            error=type(error).__name__,
        )
        await _patiently(lambda: handler.park(envelope, reason, attempts), policy)
    return True


async def _patiently(step: Callable[[], Awaitable[None]], policy: RetryPolicy) -> None:
    """Repeat `step` for as long as it fails with what passes by itself."""
    attempt = 0
    while True:
        try:
            await step()
            return
        except Exception as error:
            if not passes_by_itself(error):
                raise
            attempt += 1
            pause = max(policy.pause_s(attempt), min(getattr(error, "retry_after", 0.0), policy.max_pause_s))
            _log.warning("event_delivery_waits", reason=str(error), pause_s=round(pause, 3))
            await asyncio.sleep(pause)


def passes_by_itself(error: Exception) -> bool:
    """Whether the event is not to blame: something that it needs is down."""
    if isinstance(error, (StoreUnavailable, BusUnavailable, Unavailable, ConnectionError)):
        return True
    return isinstance(error, grpc.RpcError) and getattr(error, "code", lambda: None)() in _PASSING_CODES
