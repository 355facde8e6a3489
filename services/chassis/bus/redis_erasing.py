"""Taking the events about one subject out of a stream."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus.redis_layout import FIELD
from services.chassis.redis_client import RedisClient

_PAGE = 1_000


async def erase_from_stream(client: RedisClient, stream: str, subject: str) -> int:
    """Delete every entry whose event is about `subject`; returns how many.

    A group that has not handled one yet is given its id without content later, and passes over it.
    """
    removed = 0
    after = "-"
    while True:
        page: Any = await client.xrange(stream, min=after, max="+", count=_PAGE)
        mine = [entry_id for entry_id, fields in page if _is_about(fields, subject)]
        if mine:
            removed += int(await client.xdel(stream, *mine))
        if len(page) < _PAGE:
            return removed
        last = page[-1][0]
        after = "(" + (last.decode() if isinstance(last, bytes) else last)


def _is_about(fields: dict[bytes, bytes], subject: str) -> bool:
    try:
        return Envelope.FromString(fields.get(FIELD, b"")).subject == subject
    except DecodeError:
        return False
