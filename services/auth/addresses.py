"""E-mail addresses in the one form in which they are kept and compared."""

from __future__ import annotations

import re
import unicodedata

import idna

MAX_BYTES = 254
"""RFC 5321, section 4.5.3.1.3: a path of 256 octets, less its brackets."""
_MAX_LOCAL_BYTES = 64
_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,\"]+")


class NotAnAddress(ValueError):
    """It cannot be the address of a mailbox."""


def normalised(address: str) -> str:
    """The address as it is kept: NFC, the domain in lower case and in its ASCII form (IDNA 2008).

    The local part stays as it was written but for its case: no mailbox provider that matters tells `Ann@`
    from `ann@`, and people do not remember which they typed. Dots and plus signs stay: what they mean is the
    provider's affair. Normalising twice changes nothing.

    Raises:
        NotAnAddress: see there.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    if not at or not local or not domain:
        raise NotAnAddress("must be an address, as in ann@example.org")
    local = unicodedata.normalize("NFC", local.lower())
    if not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise NotAnAddress("must be an address, as in ann@example.org")
    whole = f"{local}@{_ascii(domain)}"
    if len(local.encode()) > _MAX_LOCAL_BYTES or len(whole.encode()) > MAX_BYTES:
        raise NotAnAddress("is too long for an address")
    return whole


def _ascii(domain: str) -> str:
    try:
        encoded = idna.encode(domain.rstrip("."), uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise NotAnAddress("must have a domain, as in ann@example.org") from None
    encoded = encoded.lower()
    if "." not in encoded and encoded != "localhost":
        raise NotAnAddress("must have a domain, as in ann@example.org")
    return encoded
