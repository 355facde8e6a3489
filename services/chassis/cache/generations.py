"""Forgetting many answers at once, of which nobody keeps a list.

Answers of one generation have its token in their keys. Whoever ends the generation deletes the token: the
next reader makes a new one, at random, and no key of before can come up again. What an adapter forgets by
itself therefore never brings an old answer back, and an answer that was computed before the end and is kept
after it lands where nobody looks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from typing import Protocol


class Tokens(Protocol):
    """The part of a `Cache` that is used here."""

    async def get(self, key: str) -> bytes | None:
        """See `Cache.get`."""
        ...

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """See `Cache.set`."""
        ...


class Erasing(Protocol):
    """The part of a `Cache` that ends generations."""

    async def delete(self, *keys: str) -> None:
        """See `Cache.delete`."""
        ...


def _key(namespace: str) -> str:
    return f"generation:{namespace}"


async def current(cache: Tokens, namespace: str, time_to_live_s: float, *, beginning: asyncio.Lock) -> str:
    """The token of a namespace's present generation, begun if there is none.

    Args:
        time_to_live_s: at least as long as the answers live.
        beginning: held while a generation is begun, so that those who come together begin the same one. Two
            processes may begin two; the later one stays, and what went under the other is made again.
    """
    token = await cache.get(_key(namespace))
    if token is None:
        async with beginning:
            token = await cache.get(_key(namespace))
            if token is None:
                token = secrets.token_hex(8).encode()
                await cache.set(_key(namespace), token, time_to_live_s)
    return token.decode()


async def end(cache: Erasing, namespaces: Iterable[str]) -> None:
    """End the present generations of namespaces."""
    await cache.delete(*map(_key, namespaces))
