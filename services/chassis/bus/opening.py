"""From a URL to a bus."""

from __future__ import annotations

from services.chassis.bus.in_process import InProcessBus
from services.chassis.bus.port import EventBus


def open_bus(url: str, *, cell: str, partitions: int = 16, retention_s: float = 7 * 86_400.0) -> EventBus:
    """The bus that `url` names: ``memory://`` (this process alone), ``redis://…`` or ``rediss://…``.

    Args:
        partitions: of Redis Streams; see `Layout.partitions`.
        retention_s: how long Redis Streams keep events for replays once every group has settled them.

    Raises:
        ValueError: no such bus.
    """
    if url == "memory://":
        return InProcessBus()
    if url.startswith(("redis://", "rediss://")):
        # Here, since a start without Redis does without its client's import.
        from services.chassis.bus.redis_streams import RedisStreamsBus  # noqa: PLC0415

        return RedisStreamsBus(url, cell=cell, partitions=partitions, retention_s=retention_s)
    raise ValueError("not a bus: expected memory://, redis://… or rediss://…")
