"""As whom a gateway that runs alone asks the auth service what was revoked."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from services.chassis.channels import ChannelDirectory, ServiceToken
from services.chassis.policy import contract_services
from services.chassis.service_names import services_of_uris
from services.chassis.settings import Settings
from services.host.certificates import read_certificate
from services.host.gateway_denials import RevocationSource
from services.host.identity import CertifiedServiceToken, development_issuer, service_token

GATEWAY = "gateway"


def certified_services(settings: Settings) -> frozenset[str]:
    """The services that this process' certificate names; none without one, or one that cannot be read."""
    path = settings.channels_certificate
    if path is None:
        return frozenset()
    try:
        return services_of_uris(read_certificate(path).uris, settings.cell)
    except (OSError, ValueError):
        return frozenset()


def gateway_token(settings: Settings, channel: Callable[[], grpc.aio.Channel]) -> ServiceToken | None:
    """The token with which a gateway asks other services; None when it has none and can get none.

    A certificate that names the gateway gets none: calls of anybody pass over its connections, so the auth
    service takes it for nobody's proof. One that names services of the contracts does.

    Args:
        channel: to the auth service, wherever that is.
    """
    token = service_token(settings, development_issuer(settings), GATEWAY, channel)
    if isinstance(token, CertifiedServiceToken):
        services = certified_services(settings)
        if not services or not all(contract_services(name) for name in services):
            return None
    return token


def revocation_source(channels: ChannelDirectory, identity: ServiceToken | None) -> RevocationSource | None:
    """Where this gateway hears what was revoked; None when nobody would tell it."""
    if identity is None:
        return None
    fetched = identity if isinstance(identity, CertifiedServiceToken) else None
    return RevocationSource(channels.channel("auth"), fetched)
