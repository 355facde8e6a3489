"""What a call shows to prove who calls, by where it goes."""

from __future__ import annotations

from typing import Protocol

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth.principal import ON_BEHALF_OF_KEY, Principal
from services.chassis.call import Call
from services.chassis.channels.identity import ServiceToken
from services.chassis.inprocess.handing import HandedPrincipal
from services.chassis.policy import MethodInfo
from services.chassis.service_names import service_subject

_EVERYBODY = frozenset({Access.ACCESS_PUBLIC})

Pairs = list[tuple[str, str | bytes]]


class CallCredentials(Protocol):
    """Makes the metadata that prove who calls; quick, for it is asked on every call."""

    def pairs(self, method: MethodInfo | None, call: Call | None) -> Pairs:
        """
        Args:
            method: what is called; None for what is not of our contracts, as the health service.
            call: the call being served, for whose person the new one is made; None for background work.

        Raises:
            OSError, Unavailable: the process has no credentials, or none yet.
        """
        ...


def _asks_nobody(method: MethodInfo | None) -> bool:
    """Whether a method looks at no credentials: getting one's token is such a call."""
    return method is not None and method.policy is not None and method.policy.access == _EVERYBODY


class NoCredentials:
    """Calls as nobody."""

    def pairs(self, method: MethodInfo | None, call: Call | None) -> Pairs:
        """See `CallCredentials.pairs`."""
        return []


class HandedCredentials:
    """Within the process: the principal itself, with the scopes that the method needs and no more."""

    def __init__(self, services: list[str]) -> None:
        self._subject = service_subject(services)

    def pairs(self, method: MethodInfo | None, call: Call | None) -> Pairs:
        """See `CallCredentials.pairs`."""
        policy = None if method is None else method.policy
        principal = Principal(
            user_id="" if call is None else call.principal.user_id,
            kind=Access.ACCESS_SERVICE,
            scopes=frozenset() if policy is None else policy.scopes,
            client_id=self._subject,
        )
        return [("authorization", HandedPrincipal(principal))]


class HeaderCredentials:
    """The token of this process, and a header with the person: for servers in development mode alone."""

    def __init__(self, identity: ServiceToken) -> None:
        self._identity = identity

    def pairs(self, method: MethodInfo | None, call: Call | None) -> Pairs:
        """See `CallCredentials.pairs`."""
        if _asks_nobody(method):
            return []
        pairs: Pairs = [("authorization", f"Bearer {self._identity.token()}")]
        if call is not None and call.principal.user_id:
            pairs.append((ON_BEHALF_OF_KEY, call.principal.user_id))
        return pairs


class DelegatedCredentials:
    """The token of this process where nobody is acted for; the rest get theirs from `delegation`."""

    def __init__(self, identity: ServiceToken) -> None:
        self._identity = identity

    def pairs(self, method: MethodInfo | None, call: Call | None) -> Pairs:
        """See `CallCredentials.pairs`."""
        if _asks_nobody(method) or (method is not None and call is not None and call.principal.user_id):
            return []
        return [("authorization", f"Bearer {self._identity.token()}")]
