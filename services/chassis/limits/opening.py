"""From a URL to a rate limiter."""

from __future__ import annotations

from services.chassis.limits.in_process import InProcessRateLimiter
from services.chassis.limits.port import RateLimiter


def open_rate_limiter(url: str, *, namespace: str = "pulsemesh", fail_open: bool = True) -> RateLimiter:
    """The limiter that `url` names: ``memory://`` (this process alone), ``redis://…`` or ``rediss://…``.

    Raises:
        ValueError: no such limiter.
    """
    if url == "memory://":
        return InProcessRateLimiter()
    if url.startswith(("redis://", "rediss://")):
        # Here, since a start without Redis does without its client's import.
        from services.chassis.limits.redis import RedisRateLimiter  # noqa: PLC0415

        return RedisRateLimiter(url, namespace=namespace, fail_open=fail_open)
    raise ValueError("not a rate limiter: expected memory://, redis://… or rediss://…")
