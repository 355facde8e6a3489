"""Volatile messages for who watches now: one port, two adapters (in-process and Redis pub/sub)."""

from services.chassis.live.in_process import InProcessLive
from services.chassis.live.opening import open_live
from services.chassis.live.port import MAX_MESSAGE_BYTES, LiveChannel, LiveSubscription
from services.chassis.live.redis import RedisLive

__all__ = [
    "MAX_MESSAGE_BYTES",
    "InProcessLive",
    "LiveChannel",
    "LiveSubscription",
    "RedisLive",
    "open_live",
]
