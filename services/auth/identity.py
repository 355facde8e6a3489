"""Ids of development users: made of cell and login alone, so that a login is the same person every time."""

from __future__ import annotations

import hashlib

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def development_user_id(cell: str, login: str) -> str:
    """The user id of a login: "<cell>_" and 26 characters in the alphabet and form of a ULID.

    The characters are the first 128 bits of SHA-256 over cell and login, in Crockford's base 32.
    """
    digest = hashlib.sha256(f"pulsemesh development user\0{cell}\0{login}".encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    characters = [CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{cell}_{''.join(characters)}"
