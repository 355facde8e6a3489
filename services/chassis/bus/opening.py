"""From a URL to a bus."""

from __future__ import annotations

from services.chassis.bus.in_process import InProcessBus
from services.chassis.bus.port import EventBus
from services.chassis.bus.redis_streams import RedisStreamsBus


def open_bus(url: str, *, cell: str, partitions: int = 16) -> EventBus:
    """The bus that `url` names: ``memory://`` (this process alone), ``redis://…`` or ``rediss://…``.

    Args:
        partitions: of Redis Streams; see `Layout.partitions`.

    Raises:
        ValueError: no such bus.
    """
    if url == "memory://":
        return InProcessBus()
    if url.startswith(("redis://", "rediss://")):
        return RedisStreamsBus(url, cell=cell, partitions=partitions)
    raise ValueError("not a bus: expected memory://, redis://… or rediss://…")
