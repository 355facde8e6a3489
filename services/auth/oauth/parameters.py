"""Parameters of a request, read strictly: what comes twice is refused, not chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from services.auth.oauth.errors import InvalidRequest

MAX_FIELDS = 32
MAX_VALUE = 4_096


def read(text: str) -> Mapping[str, str]:
    """The parameters of a query or a form. An empty value counts as none (RFC 6749, section 3.1).

    Raises:
        InvalidRequest: one comes twice, there are too many, or the text is no form.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise InvalidRequest("the parameters cannot be read") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequest("a parameter comes twice")
        if len(value) > MAX_VALUE or "\0" in value:
            raise InvalidRequest("a parameter is too long or not text")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def required(parameters: Mapping[str, str], name: str) -> str:
    """
    Raises:
        InvalidRequest: it is missing.
    """
    value = parameters.get(name)
    if value is None:
        raise InvalidRequest(f"{name} is missing")
    return value


def scopes(parameters: Mapping[str, str]) -> list[str] | None:
    """The names in `scope`; None without it."""
    value = parameters.get("scope")
    return None if value is None else value.split(" ")
