"""Cached bytes: one port, two adapters (in-process and Redis)."""

from services.chassis.cache.in_process import InProcessCache
from services.chassis.cache.opening import open_cache
from services.chassis.cache.port import Cache

__all__ = ["Cache", "InProcessCache", "open_cache"]
