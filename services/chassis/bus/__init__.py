"""Events between services: one port, two adapters (in-process and Redis Streams)."""

from services.chassis.bus.delivery import RetryPolicy
from services.chassis.bus.in_process import InProcessBus
from services.chassis.bus.opening import open_bus
from services.chassis.bus.port import BusUnavailable, EventBus, EventHandler, ReplayNotSupported, Subscription

__all__ = [
    "BusUnavailable",
    "EventBus",
    "EventHandler",
    "InProcessBus",
    "ReplayNotSupported",
    "RetryPolicy",
    "Subscription",
    "open_bus",
]
