"""Rate limits: one port, two adapters (in-process and Redis)."""

from services.chassis.limits.in_process import InProcessRateLimiter
from services.chassis.limits.opening import open_rate_limiter
from services.chassis.limits.port import Decision, RateLimiter

__all__ = ["Decision", "InProcessRateLimiter", "RateLimiter", "open_rate_limiter"]
