"""Stages that keep callers within their limits."""

from __future__ import annotations

import asyncio
import time

import structlog

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import LimitFailure, RateLimitKey
from services.chassis.call import Call
from services.chassis.errors import ResourceExhausted, Unavailable
from services.chassis.pipeline.access import Stage
from services.chassis.pipeline.ports import PipelinePorts
from services.chassis.policy.model import MethodInfo, RateLimitPolicy

_log = structlog.get_logger(__name__)


def address_of(peer: str) -> str:
    """A peer's address without its port: every connection of one machine counts together."""
    return peer.rpartition(":")[0] if peer.startswith(("ipv4:", "ipv6:")) else peer


def caller_key(call: Call) -> str:
    """By which a caller is counted: identity, or address when there is none."""
    principal = call.principal
    return principal.user_id or principal.client_id or address_of(call.peer)


def rate_limit(method: MethodInfo, limit: RateLimitPolicy | None, ports: PipelinePorts) -> Stage | None:
    """One token a call."""
    if limit is None:
        return None
    closed = limit.on_failure == LimitFailure.LIMIT_FAILURE_CLOSED
    limiter = (ports.strict_limiter or ports.limiter) if closed else ports.limiter
    if limiter is None:
        return None
    take = limiter.take
    calls, period_s, burst = limit.calls, limit.period_s, limit.burst
    prefix = f"{method.path}|"
    by_caller = limit.key == RateLimitKey.RATE_LIMIT_KEY_CALLER

    async def stage(call: Call) -> None:
        key = prefix + caller_key(call) if by_caller else prefix
        try:
            decision = await take(key, calls, period_s, burst)
        except Exception as error:
            if closed:
                raise Unavailable(
                    1.0,
                    "the limits of calls cannot be checked now",
                    ErrorReason.ERROR_REASON_LIMITER_UNAVAILABLE,
                ) from error
            _log.warning("limiter_unavailable", method=method.path, error=str(error))
            return
        if not decision.allowed:
            raise ResourceExhausted(
                f"more than {calls} calls in {period_s:g} s",
                retry_after_s=decision.retry_after,
                metadata={"calls": str(calls), "period_s": f"{period_s:g}"},
            )

    return stage


class Pacer:
    """Holds one stream to so many messages a second, with one second's worth saved up.

    It delays reading and so lets the transport's flow control slow the sender; refusing the message would end
    the stream, and the client would come back with the same message.
    """

    __slots__ = ("_allowance", "_burst", "_rate", "_then")

    def __init__(self, messages_per_second: int) -> None:
        self._rate = float(messages_per_second)
        self._burst = float(messages_per_second)
        self._allowance = self._burst
        self._then = time.monotonic()

    async def next(self) -> None:
        """Wait until one more message may be read."""
        now = time.monotonic()
        self._allowance = min(self._burst, self._allowance + (now - self._then) * self._rate) - 1.0
        self._then = now
        if self._allowance < 0.0:
            await asyncio.sleep(-self._allowance / self._rate)
