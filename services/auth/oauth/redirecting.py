"""Addresses to which the browser goes back: what may be registered, and what is the same (RFC 9700, 2.1).

They are compared as text, character by character. The one exception is the port of a loopback address
(RFC 8252, section 7.3): a program that listens on its own machine gets whichever port is free.
"""

from __future__ import annotations

import re

MAX_LENGTH = 400
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?(/[!$&'()*+,;=:@/?%0-9A-Za-z._~-]*)?")
_HTTPS = re.compile(
    r"https://"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?::[0-9]{1,5})?"
    r"(?:/[!$&'()*+,;=:@/%0-9A-Za-z._~-]*)?"
    r"(?:\?[!$&'()*+,;=:@/?%0-9A-Za-z._~-]*)?"
)
# A scheme of one's own is a domain of one's own backwards (RFC 8252, section 7.1).
_PRIVATE_USE = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+:/[!$&'()*+,;=:@/%0-9A-Za-z._~-]*")


def problem_of(uri: str) -> str | None:
    """Why an address cannot be registered, or None."""
    if len(uri) > MAX_LENGTH:
        return f"must not be longer than {MAX_LENGTH} characters"
    if is_loopback(uri):
        return None
    if uri.startswith("https:"):
        return None if _HTTPS.fullmatch(uri) else "must be https://<host>/<path> without a fragment or user"
    if _PRIVATE_USE.fullmatch(uri):
        return None
    return "must be https, http on 127.0.0.1 or [::1], or a scheme that is a reversed domain name"


def is_loopback(uri: str) -> bool:
    """Whether the address is on the machine of whoever follows it."""
    return _LOOPBACK.fullmatch(uri) is not None


def is_web(uri: str) -> bool:
    """Whether TLS proves whose address it is: nobody else on the person's machine can take it."""
    return uri.startswith("https://")


def same(registered: str, given: str) -> bool:
    """Whether the address of a request is the one that was registered."""
    if registered == given:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(given)
    if ours is None or theirs is None:
        return False
    return (ours[1], ours[3] or "") == (theirs[1], theirs[3] or "")


def form_source(uri: str) -> str:
    """What Content-Security-Policy's form-action calls the address: its origin, or its scheme."""
    scheme, _, rest = uri.partition("://")
    if scheme in {"https", "http"} and rest:
        return f"{scheme}://{re.split('[/?]', rest, maxsplit=1)[0]}"
    return uri.partition(":")[0] + ":"
