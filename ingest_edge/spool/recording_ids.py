"""Identifiers of imported recordings. Live ones have an ordinary ULID (`pulsemesh.ulid`)."""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS = 26


def _crockford(value: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_CHARACTERS - 1), -1, -5))


def recording_id_of_digest(sha256: str) -> str:
    """The id of the recording made of a file: the first 128 bits of its SHA-256 in the shape of a ULID.

    The same file always has the same id, so importing it again resumes or finds the workout it became.

    Raises:
        ValueError: not 64 hexadecimal digits.
    """
    digest = bytes.fromhex(sha256)
    if len(digest) != 32:
        raise ValueError("a SHA-256 has 64 hexadecimal digits")
    return _crockford(int.from_bytes(digest[:16], "big"))
