"""The port: bytes that may be forgotten at any moment."""

from __future__ import annotations

from typing import Protocol

MAX_VALUE_BYTES = 1024 * 1024


class Cache(Protocol):
    """Values by key, each for a limited time.

    No method raises because a server is down: a value is then missing, is not kept, or stays until its time
    is over. So the lifetime bounds how stale an answer can be, whatever happens.
    """

    async def get(self, key: str) -> bytes | None:
        """The value, or None when it is not (or no longer) there."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep `value` for `ttl` seconds, at most; one beyond the adapter's size bound is not kept.

        Keeping nothing also forgets what the key had before.
        """
        ...

    async def delete(self, *keys: str) -> None:
        """Forget these keys."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
