"""From settings to what all domains of the process share: bus, limits, cache, live numbers."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from services.chassis.bus import EventBus, open_bus
from services.chassis.settings import Settings


class Stores:
    """The shared adapters, open inside the block."""

    def __init__(self, settings: Settings) -> None:
        self.bus: EventBus = open_bus(
            settings.bus.url, cell=settings.cell, partitions=settings.bus.partitions
        )
        self.limiter: Any = None
        self.cache: Any = None
        self.live: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.bus.close()
