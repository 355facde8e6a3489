"""Opaque page tokens: where the last page ended, bound to the list they belong to.

A token holds a position and a digest of it with whose list it is and how that is filtered. It is no secret
and needs no key, since every query is confined to the caller anyway: the digest keeps a token of one list
from being used on another by mistake.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from services.chassis.errors import PageTokenInvalid

_POSITION = struct.Struct("<qq")
_DIGEST_BYTES = 12
_VERSION = b"\x01"


def write(position: tuple[int, int], *scope: bytes | str) -> str:
    """The token of a position (two 64-bit integers) in the list that `scope` names."""
    packed = _POSITION.pack(*position)
    return base64.urlsafe_b64encode(_VERSION + packed + _digest(packed, scope)).decode().rstrip("=")


def read(token: str, *scope: bytes | str) -> tuple[int, int] | None:
    """The position that a token of the same list holds; None for the empty token, the beginning.

    Raises:
        PageTokenInvalid: it is not a token of this list.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PageTokenInvalid from None
    packed, digest = raw[1 : 1 + _POSITION.size], raw[1 + _POSITION.size :]
    if raw[:1] != _VERSION or digest != _digest(packed, scope):
        raise PageTokenInvalid
    first, second = _POSITION.unpack(packed)
    return first, second


def _digest(packed: bytes, scope: tuple[bytes | str, ...]) -> bytes:
    hashed = hashlib.sha256(packed)
    for part in scope:
        octets = part.encode() if isinstance(part, str) else part
        hashed.update(len(octets).to_bytes(4, "little") + octets)
    return hashed.digest()[:_DIGEST_BYTES]
