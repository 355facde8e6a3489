"""Trimming that loses nothing: a stream is cut below what its slowest group still needs."""

from __future__ import annotations

from typing import Any

from redis.exceptions import ResponseError

from services.chassis.redis_client import RedisClient

EntryId = tuple[int, int]


async def trim_stream(client: RedisClient, stream: str, before_ms: int) -> int:
    """Remove the entries older than `before_ms` that every group has acknowledged; returns how many."""
    try:
        groups: list[dict[str, Any]] = await client.xinfo_groups(stream)
    except ResponseError:  # no such stream yet
        return 0
    needed = [await _first_needed(client, stream, group) for group in groups]
    cut = min([(before_ms, 0), *needed])
    # Exact, not `~`: whole nodes of a quiet stream would stay for ever, personal data with them.
    return int(await client.xtrim(stream, minid=f"{cut[0]}-{cut[1]}", approximate=False))


async def _first_needed(client: RedisClient, stream: str, group: dict[str, Any]) -> EntryId:
    """The oldest entry that the group has not acknowledged, or the place after the last it has read."""
    if group["pending"]:
        summary = await client.xpending(stream, group["name"])
        if summary["min"]:
            return entry_id(summary["min"])
    milliseconds, sequence = entry_id(group["last-delivered-id"])
    return milliseconds, sequence + 1


def entry_id(text: bytes | str) -> EntryId:
    """A stream entry's id as a pair that compares."""
    milliseconds, _, sequence = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(sequence or 0)
