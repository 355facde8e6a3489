"""The caller of a method, as its credentials prove."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Access

ON_BEHALF_OF_KEY = "pulsemesh-on-behalf-of"
"""Metadata by which a service names the person for whom it calls. Believed from services alone."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Attributes:
        user_id: the person, "eu_…"; empty for a service that acts for nobody and for anonymous callers.
        kind: ACCESS_USER, ACCESS_DEVICE, ACCESS_SERVICE or ACCESS_STAFF; ACCESS_PUBLIC for anonymous callers.
        scopes: what the token allows.
        client_id: the program that was given the token.
        roles: of staff.
        expires_at_s: seconds since 1970 until which the credentials hold.
        session_id: the session, or the grant of an app or device, that the token came of; empty for services.
        issued_at_s: when the token was issued.
        authenticated_at_s: when the person last proved who they are; 0 when nobody says.
        audience: the only domain at which the credentials hold; empty for all of them.
        methods: how they did, by the names of RFC 8176: "pwd", "otp", "hwk".
    """

    user_id: str
    kind: Access.ValueType
    scopes: frozenset[str] = frozenset()
    client_id: str = ""
    roles: frozenset[str] = frozenset()
    expires_at_s: float = float("inf")
    session_id: str = ""
    issued_at_s: float = 0.0
    authenticated_at_s: float = 0.0
    methods: frozenset[str] = frozenset()
    audience: str = ""

    def on_behalf_of(self, user_id: str) -> Principal:
        """The same service acting for a person."""
        return dataclasses.replace(self, user_id=user_id)


ANONYMOUS = Principal(user_id="", kind=Access.ACCESS_PUBLIC)
"""A caller without credentials."""


def cell_of(user_id: str) -> str:
    """The cell in which a person lives: what stands before the first underscore of the id."""
    return user_id.partition("_")[0]
