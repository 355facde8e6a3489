"""RPC in, token out."""

from __future__ import annotations

import ipaddress
from typing import Any

from pulsemesh.auth.v1 import development_issuer_service_pb2 as messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as service
from services.auth.issuer import DEFAULT_LIFETIME_S, DevelopmentIssuer, ScopesNotAllowed
from services.chassis.call import current_call
from services.chassis.errors import AccessDenied, InvalidField


def is_local(peer: str) -> bool:
    """True for a peer, as gRPC writes it, on this machine: "ipv4:127.0.0.1:5", "unix:", "inprocess:"."""
    kind, _, address = peer.partition(":")
    if kind in {"inprocess", "unix"}:
        return True
    host = address.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")
    return _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _came_through_a_proxy(forwarded_for: object) -> bool:
    """True when a gateway on this machine speaks for somebody who is not on it."""
    return isinstance(forwarded_for, str) and not all(
        _is_loopback(hop.strip()) for hop in forwarded_for.split(",")
    )


class DevelopmentIssuerServicer(service.DevelopmentIssuerServiceServicer):
    """`pulsemesh.auth.v1.DevelopmentIssuerService`."""

    def __init__(self, issuer: DevelopmentIssuer) -> None:
        self._issuer = issuer

    async def CreateAccessToken(  # noqa: N802 - the contract's name
        self, request: messages.CreateAccessTokenRequest, context: Any
    ) -> messages.CreateAccessTokenResponse:
        """Give a token to a caller on this machine."""
        call = current_call()
        if not is_local(context.peer()) or _came_through_a_proxy(call.metadata.get("x-forwarded-for")):
            raise AccessDenied("the development issuer answers callers on its own machine only")
        lifetime_s = request.time_to_live.seconds if request.HasField("time_to_live") else DEFAULT_LIFETIME_S
        try:
            token = self._issuer.issue(
                request.login, scopes=request.scopes, device=request.device, lifetime_s=max(lifetime_s, 1)
            )
        except ScopesNotAllowed as error:
            raise InvalidField("scopes", str(error)) from None
        response = messages.CreateAccessTokenResponse(access_token=token.access_token, user_id=token.user_id)
        response.expires_at.FromSeconds(token.expires_at_s)
        return response
