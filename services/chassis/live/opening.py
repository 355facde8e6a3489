"""From a URL to a live channel."""

from __future__ import annotations

from services.chassis.live.in_process import InProcessLive
from services.chassis.live.port import LiveChannel


def open_live(url: str, *, namespace: str = "pulsemesh") -> LiveChannel:
    """The live channel that `url` names: ``memory://`` (this process alone), ``redis://…`` or ``rediss://…``.

    Raises:
        ValueError: no such channel.
    """
    if url == "memory://":
        return InProcessLive()
    if url.startswith(("redis://", "rediss://")):
        # Here, since a start without Redis does without its client's import.
        from services.chassis.live.redis import RedisLive  # noqa: PLC0415

        return RedisLive(url, namespace=namespace)
    raise ValueError("not a live channel: expected memory://, redis://… or rediss://…")
