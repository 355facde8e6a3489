"""Volatile messages for who watches now: one port, two adapters (in-process and Redis pub/sub)."""

from services.chassis.live.in_process import InProcessLive
from services.chassis.live.opening import open_live
from services.chassis.live.port import MAX_MESSAGE_BYTES, LiveChannel, LiveSubscription

__all__ = [
    "MAX_MESSAGE_BYTES",
    "InProcessLive",
    "LiveChannel",
    "LiveSubscription",
    "open_live",
]
