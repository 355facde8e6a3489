"""Which handles there can be, and which look alike. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

SHORTEST, LONGEST = 3, 30

CHANGED_AT_MOST_EVERY_MS = 30 * 86_400_000
LEADS_ON_FOR_MS = 90 * 86_400_000
"""An old handle leads to its person for so long, and is nobody else's until then."""

_ALLOWED = re.compile(rf"[a-z0-9_]{{{SHORTEST},{LONGEST}}}")
_LOOKS_LIKE = (("0", "o"), ("1", "l"), ("rn", "m"), ("vv", "w"))


def written(text: str) -> str | None:
    """The handle as it is kept: folded by NFKC and to small letters; None where it is none.

    What is left is ASCII, so a letter of another script that looks like one of these is refused, and a wide
    or mathematical form of one is that letter.
    """
    folded = unicodedata.normalize("NFKC", text.removeprefix("@")).lower()
    if not _ALLOWED.fullmatch(folded) or not folded.strip("_"):
        return None
    return folded


def likeness(handle: str) -> str:
    """What a handle looks like: two of one likeness could be taken for each other."""
    seen = re.sub("_+", "_", handle).strip("_")
    for found, meant in _LOOKS_LIKE:
        seen = seen.replace(found, meant)
    return seen


def reserved(handle: str) -> bool:
    """True for handles that nobody gets."""
    return likeness(handle) in _reserved()


@cache
def _reserved() -> frozenset[str]:
    text = resources.files(__package__).joinpath("reserved_handles.txt").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(likeness(line) for line in lines if line and not line.startswith("#"))
