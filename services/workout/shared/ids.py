"""Ids for sharing. Pure.

An owner's ids are ULIDs: they tell when a workout was made, to the millisecond, and a live one is made when
it ends. What others get is the row's number under a block cipher: one for one, and of no order or time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SECRET_BYTES = 32

_BLOCK = 16
_PADDING = bytes(8)
_LENGTH = 26


class SharedIds:
    """Ids of one kind."""

    def __init__(self, secret: bytes, kind: str) -> None:
        key = hmac.digest(secret, b"shared id\0" + kind.encode(), hashlib.sha256)
        # One block each, no two alike: the mode that is otherwise never right is the block cipher itself.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def write(self, key: int) -> str:
        """The id of a row."""
        encryptor = self._cipher.encryptor()
        block = encryptor.update(key.to_bytes(8, "big") + _PADDING) + encryptor.finalize()
        return base64.b32encode(block).decode().rstrip("=").lower()

    def read(self, shared_id: str) -> int | None:
        """The row of an id; None where it is none that `write` gave."""
        if len(shared_id) != _LENGTH or not shared_id.isascii() or shared_id != shared_id.lower():
            return None
        try:
            block = base64.b32decode(shared_id.upper() + "=" * 6)
        except ValueError:
            return None
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(block) + decryptor.finalize()
        if plain[8:] != _PADDING or plain[0] & 0x80:
            return None
        key = int.from_bytes(plain[:8], "big")
        return key if self.write(key) == shared_id else None
