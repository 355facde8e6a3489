"""The port: events from outboxes to consumers, at least once, in order per subject."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from pulsemesh.event.v1.envelope_pb2 import Envelope


class BusUnavailable(Exception):
    """The bus cannot take or give events now; what was to be published is not (or not for sure) published.

    Attributes:
        retry_after: seconds to wait before the next attempt.
    """

    def __init__(self, reason: str, *, retry_after: float = 1.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class ReplayNotSupported(Exception):
    """This bus keeps no log of what it has delivered."""


class EventHandler(Protocol):
    """What a group does with its events; `services.chassis.consumer.Consumer` is one."""

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        """Make the effect of all of them durable, or raise and leave none.

        Events come again after a crash or a lost acknowledgement: the handler recognises repeats.
        """
        ...

    async def park(self, envelope: Envelope, reason: str, attempts: int) -> None:
        """Durably put aside an event that `handle` refused for good."""
        ...


class Subscription(Protocol):
    """One group's deliveries in this process."""

    async def close(self) -> None:
        """Finish what is being handled and take no more."""
        ...


class EventBus(Protocol):
    """Carries events between services of one cell."""

    async def publish(self, envelopes: Sequence[Envelope]) -> None:
        """Hand over events, in this order; once this returns, no crash of this process loses them.

        Raises:
            BusUnavailable: some or all may not have been taken; publish all of them again.
        """
        ...

    async def subscribe(self, group: str, types: Collection[str], handler: EventHandler) -> Subscription:
        """Deliver events of these types to `handler` from now on.

        Each event goes to one process of the group. Events of one subject come in the order in which they
        were published; an event that keeps failing is parked and does not hold up others for long. While the
        bus is down the subscription waits for it.
        """
        ...

    async def replay(self, group: str, since_ms: int) -> None:
        """Deliver again to `group` all that was published at or after `since_ms` (Unix ms) and is still kept.

        Raises:
            ReplayNotSupported: this bus keeps no log.
            BusUnavailable: try again.
        """
        ...

    async def erase(self, subject: str) -> int:
        """Take out what is kept of events about `subject`; returns how many those were.

        Raises:
            BusUnavailable: some may be left; repeat.
        """
        ...

    async def ping(self) -> None:
        """Return when the bus works, or raise `BusUnavailable`."""
        ...

    async def close(self) -> None:
        """Close every subscription and connection."""
        ...
