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
from typing import Literal, overload

from services.chassis.errors import PageTokenInvalid

_INTEGER_BYTES = 8
_DIGEST_BYTES = 12
_VERSION = b"\x01"

Position = tuple[int, ...]
"""Up to eight 64-bit integers."""


def write(position: Position, *scope: bytes | str) -> str:
    """The token of a position in the list that `scope` names."""
    packed = struct.pack(f"<{len(position)}q", *position)
    return base64.urlsafe_b64encode(_VERSION + packed + _digest(packed, scope)).decode().rstrip("=")


@overload
def read(token: str, *scope: bytes | str, integers: Literal[1]) -> tuple[int] | None: ...
@overload
def read(token: str, *scope: bytes | str) -> tuple[int, int] | None: ...
@overload
def read(token: str, *scope: bytes | str, integers: Literal[3]) -> tuple[int, int, int] | None: ...


def read(token: str, *scope: bytes | str, integers: int = 2) -> Position | None:
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
    end = 1 + integers * _INTEGER_BYTES
    packed, digest = raw[1:end], raw[end:]
    if raw[:1] != _VERSION or len(packed) != end - 1 or digest != _digest(packed, scope):
        raise PageTokenInvalid
    return struct.unpack(f"<{integers}q", packed)


def _digest(packed: bytes, scope: tuple[bytes | str, ...]) -> bytes:
    hashed = hashlib.sha256(packed)
    for part in scope:
        octets = part.encode() if isinstance(part, str) else part
        hashed.update(len(octets).to_bytes(4, "little") + octets)
    return hashed.digest()[:_DIGEST_BYTES]
