"""ULIDs: 26 characters that sort by the time they were made, unique without asking anyone.

48 bits of milliseconds since 1970, then 80 random bits, in Crockford's base 32.
"""

from __future__ import annotations

import secrets
import time

__all__ = ["new_ulid"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(time_ms: int | None = None) -> str:
    """Return a new ULID for now, or for `time_ms` milliseconds since 1970 UTC."""
    milliseconds = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"{milliseconds} ms does not fit into a ULID")
    number = milliseconds << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
