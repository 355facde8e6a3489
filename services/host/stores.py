"""From settings to what all domains of the process share: bus, limits, cache, live numbers."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from services.chassis.bus import EventBus, open_bus
from services.chassis.cache import Cache, open_cache
from services.chassis.limits import RateLimiter
from services.chassis.live import LiveChannel, open_live
from services.chassis.settings import Settings
from services.host.limits import open_limiters


class Stores:
    """The shared adapters, open inside the block.

    Attributes:
        limiter: lets calls through while its store is away.
        strict_limiter: raises while its store is away.
    """

    def __init__(self, settings: Settings) -> None:
        namespace = f"pulsemesh:{settings.cell}"
        store = settings.store
        self.bus: EventBus = open_bus(
            settings.bus.url,
            cell=settings.cell,
            partitions=settings.bus.partitions,
            retention_s=settings.bus.retention_s,
        )
        self.limiter: RateLimiter
        self.strict_limiter: RateLimiter
        self.limiter, self.strict_limiter = open_limiters(store.limits_url, namespace)
        self.cache: Cache = open_cache(store.cache_url, namespace=namespace)
        self.live: LiveChannel = open_live(store.live_url, namespace=namespace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for adapter in (self.live, self.cache, self.limiter, self.strict_limiter, self.bus):
            await adapter.close()
