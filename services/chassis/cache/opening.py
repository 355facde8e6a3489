"""From a URL to a cache."""

from __future__ import annotations

from services.chassis.cache.in_process import InProcessCache
from services.chassis.cache.port import Cache


def open_cache(url: str, *, namespace: str = "pulsemesh") -> Cache:
    """The cache that `url` names: ``memory://`` (this process alone), ``redis://…`` or ``rediss://…``.

    Raises:
        ValueError: no such cache.
    """
    if url == "memory://":
        return InProcessCache()
    if url.startswith(("redis://", "rediss://")):
        # Here, since a start without Redis does without its client's import.
        from services.chassis.cache.redis import RedisCache  # noqa: PLC0415

        return RedisCache(url, namespace=namespace)
    raise ValueError("not a cache: expected memory://, redis://… or rediss://…")
