"""Lists that come in pages, as one stream of things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["pages"]

Item = TypeVar("Item")


async def pages(
    fetch: Callable[[str], Awaitable[tuple[Sequence[Item], str]]], limit: int | None
) -> AsyncIterator[Item]:
    """Give every item of every page, at most `limit`.

    `fetch(page_token)` returns a page's items and the token of the next page, empty after
    the last. The next page is fetched when its first item is wanted.
    """
    left = limit
    token = ""
    while left is None or left > 0:
        items, token = await fetch(token)
        for item in items[:left]:
            yield item
        if left is not None:
            left -= len(items)
        if not token:
            return
