"""Opaque page tokens: where the last page ended, bound by a digest to the list that they belong to.

They are no secret: every query is confined to the caller anyway. The digest keeps a token of one list from
being used on another by mistake.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from services.chassis.errors import PageTokenInvalid

_POSITION = struct.Struct("<qq")
_DIGEST_BYTES = 12


def write(position: tuple[int, int], *scope: object) -> str:
    """The token of a position in the list that `scope` names."""
    packed = _POSITION.pack(*position)
    return base64.urlsafe_b64encode(packed + _digest(packed, scope)).decode()


def read(token: str, *scope: object) -> tuple[int, int] | None:
    """The position that a token of the same list holds; None for the empty token, the beginning.

    Raises:
        PageTokenInvalid: it is not a token of this list.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PageTokenInvalid from None
    packed, digest = raw[: _POSITION.size], raw[_POSITION.size :]
    if len(raw) != _POSITION.size + _DIGEST_BYTES or digest != _digest(packed, scope):
        raise PageTokenInvalid
    first, second = _POSITION.unpack(packed)
    return first, second


def _digest(packed: bytes, scope: tuple[object, ...]) -> bytes:
    return hashlib.sha256(packed + repr(scope).encode()).digest()[:_DIGEST_BYTES]
