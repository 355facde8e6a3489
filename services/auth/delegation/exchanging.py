"""From a service's own token, and that of the person whose call it serves, to a narrowed one."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth.delegation.rules import may_act
from services.auth.tokens import IssuedToken, TokenIssuer
from services.chassis.auth import Authenticator, Principal
from services.chassis.auth.jwks import AUDIENCE
from services.chassis.errors import AccessDenied, Unauthenticated
from services.chassis.service_names import services_of_subject

LIFETIME_S = 60


class DelegationRefused(AccessDenied):
    """This service may not act for that person there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorReason.ERROR_REASON_DELEGATION_REFUSED)


class Exchanging:
    """Gives tokens with which a service acts for a person."""

    def __init__(self, issuer: TokenIssuer, authenticator: Authenticator) -> None:
        """
        Args:
            authenticator: proves the tokens of persons that are shown.
        """
        self._issuer = issuer
        self._authenticator = authenticator

    async def exchange(
        self, service: Principal, *, subject_token: str, user_id: str, audience: str, scopes: frozenset[str]
    ) -> IssuedToken:
        """A token of `LIFETIME_S` seconds at most, for one person at one domain.

        It belongs to the session of the token that was shown, so it ends with that session.

        Raises:
            DelegationRefused: the rules do not allow it, or the token shown is another person's or no good.
        """
        services = services_of_subject(service.client_id)
        subject = await self._subject(subject_token, user_id, services) if subject_token else None
        if not may_act(services, audience, scopes, alone=subject is None):
            raise DelegationRefused(f"{service.client_id} may not act for a person at {audience} like this")
        return self._issuer.access_token(
            subject=user_id,
            kind="service",
            scopes=scopes,
            client_id=service.client_id,
            session_id=subject.session_id if subject is not None else "",
            actor=_actor(service, subject),
            audience=f"{AUDIENCE}:{audience}",
            lifetime_s=LIFETIME_S,
        )

    async def _subject(self, token: str, user_id: str, services: frozenset[str]) -> Principal:
        try:
            subject = await self._authenticator.authenticate(token)
        except Unauthenticated as error:
            raise DelegationRefused("the token of the person is no good") from error
        if subject.user_id != user_id or subject.kind == Access.ACCESS_STAFF:
            raise DelegationRefused("the token shown is not one of that person")
        if subject.audience and subject.audience not in services:
            raise DelegationRefused("the token shown was made for another service")
        return subject


def _actor(service: Principal, subject: Principal | None) -> dict[str, object]:
    """The claim `act`: who acts, and through whom the person's wish came (RFC 8693, section 4.1)."""
    actor: dict[str, object] = {"sub": service.client_id}
    if subject is not None and subject.kind == Access.ACCESS_SERVICE:
        actor["act"] = {"sub": subject.client_id}
    return actor
