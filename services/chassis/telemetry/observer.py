"""What is noted of every call: one histogram observation, a span where tracing is on, a log line at debug."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import Token
from typing import Any

import grpc
import structlog
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from prometheus_client import CollectorRegistry, Histogram

from services.chassis.call import Call
from services.chassis.policy.model import MethodInfo
from services.chassis.telemetry.metrics import RpcMetrics

_access_log = structlog.get_logger("access")

_OURS_TO_FIX = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Codes that make a server span an error (OpenTelemetry semantic conventions for gRPC)."""


class Observation:
    """One call while it is being served."""

    __slots__ = ("span", "started_at", "token")

    def __init__(self) -> None:
        self.started_at = time.perf_counter()
        self.span: trace.Span | None = None
        self.token: Token[otel_context.Context] | None = None


class MethodObserver:
    """The observer of one method, everything looked up beforehand."""

    def __init__(
        self,
        method: MethodInfo,
        child: Callable[[grpc.StatusCode], Histogram],
        tracer: trace.Tracer | None,
        access_log: bool,
    ) -> None:
        self._method = method
        self._child = child
        self._ok = child(grpc.StatusCode.OK)
        self._tracer = tracer
        self._access_log = access_log
        self._span_name = method.path.removeprefix("/")
        self._attributes = {
            "rpc.system": "grpc",
            "rpc.service": method.service,
            "rpc.method": method.name,
        }

    def begin(self, call: Call) -> Observation:
        """Start the clock, and a span when tracing is on."""
        observation = Observation()
        if self._tracer is not None:
            self._start_span(self._tracer, call, observation)
        return observation

    def end(self, call: Call, observation: Observation, code: grpc.StatusCode, reason: str) -> None:
        """Note how the call ended."""
        seconds = time.perf_counter() - observation.started_at
        histogram = self._ok if code is grpc.StatusCode.OK else self._child(code)
        histogram.observe(seconds)
        if observation.span is not None:
            _end_span(observation, code, reason)
        if self._access_log:
            _access_log.debug(
                "call",
                peer=call.peer,
                caller=call.principal.client_id,
                code=code.name,
                reason=reason,
                duration_ms=round(seconds * 1e3, 3),
            )

    def _start_span(self, tracer: trace.Tracer, call: Call, observation: Observation) -> None:
        text = {key: value for key, value in call.metadata.items() if isinstance(value, str)}
        observation.span = tracer.start_span(
            self._span_name,
            context=propagate.extract(text),
            kind=trace.SpanKind.SERVER,
            attributes=self._attributes,
        )
        observation.token = otel_context.attach(trace.set_span_in_context(observation.span))


def _end_span(observation: Observation, code: grpc.StatusCode, reason: str) -> None:
    span = observation.span
    assert span is not None
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    if code in _OURS_TO_FIX:
        span.set_status(trace.StatusCode.ERROR, reason)
    span.end()
    if observation.token is not None:
        otel_context.detach(observation.token)


def _configured_tracer() -> trace.Tracer | None:
    """A tracer when an SDK was set up, else None: a no-op span still costs as much as the whole admission."""
    provider: Any = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return trace.get_tracer("pulsemesh.chassis", tracer_provider=provider)


class Telemetry:
    """Makes the observers of methods.

    Args:
        registry: where the metrics live; a new one when None.
        tracer: of OpenTelemetry; by default that of the configured SDK, and none without one.
        access_log: log each call at debug; by default when the root logger shows debug.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        tracer: trace.Tracer | None = None,
        access_log: bool | None = None,
    ) -> None:
        self.metrics = RpcMetrics(registry if registry is not None else CollectorRegistry())
        self._tracer = tracer if tracer is not None else _configured_tracer()
        self._access_log = (
            logging.getLogger().isEnabledFor(logging.DEBUG) if access_log is None else access_log
        )

    def observer(self, method: MethodInfo) -> MethodObserver:
        """The observer of one method."""
        child = self.metrics.observer(method.service, method.name)
        return MethodObserver(method, child, self._tracer, self._access_log)
