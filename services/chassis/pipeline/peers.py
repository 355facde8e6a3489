"""What a service must show beside its token."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.auth.principal import ON_BEHALF_OF_KEY, Principal
from services.chassis.call import Call
from services.chassis.errors import AccessDenied
from services.chassis.pipeline.ports import PipelinePorts
from services.chassis.service_names import services_of_subject, services_of_uris


class ServiceProof:
    """Decides whether a service token is believed, and for whom the service then acts."""

    def __init__(self, ports: PipelinePorts) -> None:
        self._cell = ports.cell
        self._certified = ports.mutual_tls
        self._believes_header = ports.believes_on_behalf_of

    def principal(self, service: Principal, call: Call) -> Principal:
        """The service, acting for the person that it may name.

        Raises:
            AccessDenied: with PEER_NOT_CERTIFIED when the token came from somebody else than its service,
                with DELEGATION_NEEDED when the person was named in a header alone.
        """
        if self._certified:
            self._require_certificate(service, call)
        person = call.metadata.get(ON_BEHALF_OF_KEY)
        if not person or not isinstance(person, str):
            return service
        if service.user_id:
            if service.user_id != person:
                raise AccessDenied("the token is for another person than the one that the call names")
            return service
        if not self._believes_header:
            raise AccessDenied(
                "a service that acts for a person shows a token for that person",
                ErrorReason.ERROR_REASON_DELEGATION_NEEDED,
            )
        return service.on_behalf_of(person)

    def _require_certificate(self, service: Principal, call: Call) -> None:
        named = services_of_subject(service.client_id)
        if not named or not named <= services_of_uris(call.peer_uris(), self._cell):
            raise AccessDenied(
                "the certificate of the connection is not that of the service",
                ErrorReason.ERROR_REASON_PEER_NOT_CERTIFIED,
            )
