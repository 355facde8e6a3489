"""Development tokens on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.chassis.settings import Settings
from services.host.identity import development_issuer

_LOGIN = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")


def development_token(
    settings: Settings, login: str, *, scopes: Sequence[str], device: bool, lifetime_s: int
) -> str:
    """A token signed with the data directory's key; needs no server.

    Raises:
        ValueError: the development issuer is off, or the login or a scope is not possible.
    """
    if not _LOGIN.fullmatch(login):
        raise ValueError("a login is 1 to 39 lower-case letters, digits and hyphens")
    if lifetime_s <= 0:
        raise ValueError("a lifetime is a positive number of seconds")
    issuer = development_issuer(settings)
    if issuer is None:
        raise ValueError("the development issuer is off (PULSEMESH_AUTH__DEVELOPMENT_ISSUER)")
    return issuer.issue(login, scopes=scopes, device=device, lifetime_s=lifetime_s).access_token
