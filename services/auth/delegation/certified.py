"""The tokens of services themselves, given to whoever shows their certificate."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.auth.scopes import PERSON_SCOPES
from services.auth.tokens import IssuedToken, TokenIssuer
from services.chassis.call import Call
from services.chassis.errors import AccessDenied
from services.chassis.inprocess.handing import HandedPrincipal
from services.chassis.policy import contract_services
from services.chassis.service_names import service_subject, services_of_subject, services_of_uris

LIFETIME_S = 600


class NotCertified(AccessDenied):
    """The connection shows no certificate of services that exist."""

    def __init__(self) -> None:
        super().__init__(
            "the connection shows no certificate of a service",
            ErrorReason.ERROR_REASON_PEER_NOT_CERTIFIED,
        )


class ServiceTokens:
    """Gives services their tokens."""

    def __init__(self, issuer: TokenIssuer, cell: str) -> None:
        self._issuer = issuer
        self._cell = cell

    def create(self, call: Call) -> IssuedToken:
        """A token for the services that the connection of a call proves to be.

        Raises:
            NotCertified: see there.
        """
        services = self._proved(call)
        # The gateway's certificate proves nothing here: anybody may be behind it.
        if not services or not all(contract_services(name) for name in services):
            raise NotCertified
        call.note(services=" ".join(sorted(services)))
        subject = service_subject(sorted(services))
        return self._issuer.access_token(
            subject=subject,
            kind="service",
            scopes=PERSON_SCOPES,
            client_id=subject,
            lifetime_s=LIFETIME_S,
        )

    def _proved(self, call: Call) -> frozenset[str]:
        header = call.metadata.get("authorization")
        if isinstance(header, HandedPrincipal):
            return services_of_subject(header.principal.client_id)
        return services_of_uris(call.peer_uris(), self._cell)
