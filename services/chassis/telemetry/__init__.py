"""What operators see: logs, metrics and traces."""

from services.chassis.telemetry.logs import configure_logging
from services.chassis.telemetry.metrics import MetricsEndpoint, RpcMetrics
from services.chassis.telemetry.observer import MethodObserver, Observation, Telemetry

__all__ = [
    "MethodObserver",
    "MetricsEndpoint",
    "Observation",
    "RpcMetrics",
    "Telemetry",
    "configure_logging",
]
