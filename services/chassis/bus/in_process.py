"""The bus of a single process: publishing is delivering, so the outbox stays the durable log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus.delivery import RetryPolicy, deliver
from services.chassis.bus.port import BusUnavailable, EventHandler, ReplayNotSupported


class _Subscription:
    """One group: its deliveries do not overlap, whichever publisher they come from."""

    def __init__(
        self, types: Collection[str], handler: EventHandler, policy: RetryPolicy, batch: int
    ) -> None:
        self._types = frozenset(types)
        self._handler = handler
        self._policy = policy
        self._batch = batch
        self._turn = asyncio.Lock()
        self.closed = False

    async def deliver(self, envelopes: Sequence[Envelope]) -> None:
        wanted = [envelope for envelope in envelopes if envelope.type in self._types]
        async with self._turn:
            for start in range(0, len(wanted), self._batch):
                if self.closed:
                    raise BusUnavailable("a subscription closed before it had all events")
                await deliver(self._handler, wanted[start : start + self._batch], self._policy)

    async def close(self) -> None:
        self.closed = True
        async with self._turn:
            pass


class InProcessBus:
    """The `EventBus` of the embedded shape: `publish` returns when every group has handled or parked all.

    A crash in between leaves the rows in the outbox, and the relay publishes them again.
    """

    def __init__(self, *, policy: RetryPolicy | None = None, batch: int = 64) -> None:
        """
        Args:
            batch: the most events that a handler gets at once, hence in one transaction.
        """
        self._policy = policy or RetryPolicy()
        self._batch = batch
        self._groups: dict[str, _Subscription] = {}
        self._closed = False

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """See `EventBus.publish`."""
        if self._closed:
            raise BusUnavailable("the bus is closed")
        open_groups = [subscription for subscription in self._groups.values() if not subscription.closed]
        deliveries = (subscription.deliver(envelopes) for subscription in open_groups)
        for outcome in await asyncio.gather(*deliveries, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def subscribe(self, group: str, types: Collection[str], handler: EventHandler) -> _Subscription:
        """See `EventBus.subscribe`.

        Raises:
            ValueError: the group has a subscription already: in one process that would halve its events.
        """
        present = self._groups.get(group)
        if present is not None and not present.closed:
            raise ValueError(f"the group {group!r} has a subscription in this process already")
        subscription = _Subscription(types, handler, self._policy, self._batch)
        self._groups[group] = subscription
        return subscription

    async def replay(self, group: str, since_ms: int) -> None:
        """See `EventBus.replay`; never possible here."""
        raise ReplayNotSupported("the in-process bus keeps no log; replay needs the Redis Streams bus")

    async def erase(self, subject: str) -> int:
        """See `EventBus.erase`: this bus keeps nothing that was delivered."""
        return 0

    async def ping(self) -> None:
        """See `EventBus.ping`."""
        if self._closed:
            raise BusUnavailable("the bus is closed")

    async def close(self) -> None:
        """See `EventBus.close`."""
        self._closed = True
        for subscription in self._groups.values():
            await subscription.close()
