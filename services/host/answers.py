"""Cached answers and the events that end them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack

from services.chassis.bus import EventBus
from services.chassis.cache import Cache
from services.chassis.pipeline.caching import AnswerInvalidation
from services.chassis.policy import MethodInfo
from services.chassis.settings import Settings


def events_reach_the_cache(settings: Settings) -> bool:
    """Whether the process that is given an event and the process that keeps an answer share a cache.

    With Redis as the bus an event goes to one process of a domain: what others keep in their own memory would
    stay, so there the methods that events invalidate are not cached.
    """
    return settings.store.cache_url != "memory://" or settings.bus.url == "memory://"


async def subscribe_answers(
    stack: AsyncExitStack, methods: Iterable[MethodInfo], cache: Cache, bus: EventBus
) -> None:
    """Let events end the cached answers of the methods that this process serves, until `stack` ends."""
    by_domain: dict[str, list[MethodInfo]] = {}
    for method in methods:
        by_domain.setdefault(method.domain, []).append(method)
    for domain, own in by_domain.items():
        invalidation = AnswerInvalidation(own, cache)
        if invalidation.types:
            subscription = await bus.subscribe(f"answers-{domain}", invalidation.types, invalidation)
            stack.push_async_callback(subscription.close)
