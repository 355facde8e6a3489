"""Opaque page tokens: where the last page ended, bound to the list they belong to.

A token holds a position and a digest of it with whose list it is and how that is filtered. It is no secret
and needs no key, since every query is confined to the caller anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from services.chassis.errors import PageTokenInvalid

_POSITION = struct.Struct("<qqq")
_DIGEST_BYTES = 12


def write(position: tuple[int, int, int], *scope: str) -> str:
    """The token of a position in the list that `scope` names."""
    packed = _POSITION.pack(*position)
    return base64.urlsafe_b64encode(packed + _digest(packed, scope)).decode().rstrip("=")


def read(token: str, *scope: str) -> tuple[int, int, int] | None:
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
    packed, digest = raw[: _POSITION.size], raw[_POSITION.size :]
    if len(packed) != _POSITION.size or digest != _digest(packed, scope):
        raise PageTokenInvalid
    first, second, third = _POSITION.unpack(packed)
    return first, second, third


def _digest(packed: bytes, scope: tuple[str, ...]) -> bytes:
    return hashlib.sha256(repr((packed, scope)).encode()).digest()[:_DIGEST_BYTES]
