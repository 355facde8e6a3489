"""Limits counted over all gateway processes: the service that Envoy asks, over the chassis' limiter."""

from services.gateway.ratelimit.server import RateLimitServer

__all__ = ["RateLimitServer"]
