"""Prometheus metrics of the calls, and the page on which they are read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIServer

import grpc
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram, start_http_server

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class RpcMetrics:
    """One histogram that tells count, outcome and duration of every method, and the calls in flight."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._duration = Histogram(
            "pulsemesh_rpc_duration_seconds",
            "Seconds from a call's arrival to its status.",
            ("service", "method", "code"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._in_flight = Gauge("pulsemesh_rpc_in_flight", "Calls being served now.", registry=registry)

    def observer(self, service: str, method: str) -> Callable[[grpc.StatusCode], Histogram]:
        """A function from a status code to the histogram that counts it, resolved once each."""
        children: dict[grpc.StatusCode, Histogram] = {}
        duration = self._duration

        def child(code: grpc.StatusCode) -> Histogram:
            found = children.get(code)
            if found is None:
                found = children[code] = duration.labels(service, method, code.name)
            return found

        child(grpc.StatusCode.OK)
        return child

    def count_in_flight(self, count: Callable[[], int]) -> None:
        """Read the gauge of calls in flight from `count` when somebody looks."""
        self._in_flight.set_function(count)


def process_registry() -> CollectorRegistry:
    """A new registry that also shows the process' own metrics (memory, CPU, file descriptors)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(REGISTRY)
    return registry


class MetricsEndpoint:
    """The metrics page, served from a thread of its own so that a busy event loop still shows them."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._server: WSGIServer
        self._thread: threading.Thread
        self._server, self._thread = start_http_server(port, host, registry)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving the page."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
