"""Codes that people read from one screen and type at another.

Twenty consonants: no vowels, so that no words come of them, and no two letters that are taken for each other
when read aloud or seen in haste (RFC 8628, section 6.1). Eight of them are 34 bits, of which a guesser gets
to try a handful before a code is out of date.
"""

from __future__ import annotations

import secrets

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8


def new_user_code() -> str:
    """A new code, as it is compared: without the hyphen."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """As it is shown: "BCDF-GHJK"."""
    half = LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def normalised(typed: str) -> str | None:
    """What somebody typed, as it is compared; None for what can be no code."""
    letters = "".join(letter for letter in typed.upper() if letter not in " -–—_.\t")
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else None
