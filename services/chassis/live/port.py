"""The port: small messages for whoever watches right now; nobody else ever sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

MAX_MESSAGE_BYTES: Final = 64 * 1024
QUEUE_MESSAGES: Final = 64
"""What waits for a slow watcher before its oldest messages are dropped."""


class LiveSubscription(Protocol):
    """The messages of one topic, for one watcher: ``async for message in subscription``."""

    @property
    def dropped(self) -> int:
        """How many messages this watcher missed because it was slow."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class LiveChannel(Protocol):
    """Volatile publish and subscribe. Losing a message is allowed, delaying a publisher is not."""

    async def publish(self, topic: str, message: bytes) -> None:
        """Hand the message to those who watch `topic` now; never waits for them, nor for a server.

        Raises:
            ValueError: the message is longer than `MAX_MESSAGE_BYTES`.
        """
        ...

    def watched(self, topic: str) -> bool:
        """False only where it is certain that nobody watches: a publisher may then spare itself the work."""
        ...

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[LiveSubscription]:
        """Watch `topic` for as long as the context lasts, from the moment it is entered."""
        ...

    async def close(self) -> None:
        """End every subscription's iteration, and let go of connections."""
        ...
