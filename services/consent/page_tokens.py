"""Opaque page tokens of lists of receipts: the sequence where the last page ended."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from services.chassis.errors import PageTokenInvalid

_PREFIX = b"\x01receipts:"


def write(sequence: int) -> str:
    """The token of a position."""
    return urlsafe_b64encode(_PREFIX + str(sequence).encode()).decode().rstrip("=")


def read(token: str) -> int | None:
    """The position of a token; None for the empty one, the beginning.

    Raises:
        PageTokenInvalid: it is not a token of ours.
    """
    if not token:
        return None
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise PageTokenInvalid from None
    digits = raw.removeprefix(_PREFIX)
    if not raw.startswith(_PREFIX) or not digits.isdigit() or len(digits) > 18:
        raise PageTokenInvalid
    return int(digits)
