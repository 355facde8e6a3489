"""From settings to the adapters behind the pipeline."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import grpc

from services.auth.keys import jwks_path
from services.chassis.auth import (
    Authenticator,
    FileKeys,
    HttpKeys,
    JwksAuthenticator,
    KeySource,
    SeveralKeys,
)
from services.chassis.consent import ClosedConsentGate, ConsentGate, DevelopmentConsentGate
from services.chassis.pipeline.origins import Origins
from services.chassis.settings import Settings
from services.host.consents import ServiceConsentGate
from services.host.revocations import ServiceKeys


def key_source(settings: Settings, channel: Callable[[], grpc.aio.Channel]) -> KeySource:
    """Where the keys are that prove tokens: where the settings say, else at the auth service.

    Args:
        channel: to the auth service, wherever that is.
    """
    if settings.auth.jwks_url is not None:
        return HttpKeys(settings.auth.jwks_url)
    if settings.auth.jwks_file is not None:
        return FileKeys(settings.auth.jwks_file)
    if settings.issues_development_tokens:
        return SeveralKeys(FileKeys(jwks_path(settings.data_dir)), ServiceKeys(channel))
    return ServiceKeys(channel)


def authenticator(settings: Settings, channel: Callable[[], grpc.aio.Channel]) -> Authenticator:
    """Proves tokens by the keys of `key_source`."""
    keys = key_source(settings, channel)
    return JwksAuthenticator(keys, issuer=settings.issuer, leeway_s=settings.auth.leeway_s)


def trusted_origins(settings: Settings) -> Origins:
    """Whose word is taken for from where a call came."""
    words = settings.server.trusted_proxies.split(",")
    return Origins(ipaddress.ip_network(word.strip()) for word in words if word.strip())


def consent_gate(settings: Settings, channel: Callable[[], grpc.aio.Channel]) -> ConsentGate:
    """Who is asked what people allow.

    Args:
        channel: to the consent service, wherever that is.
    """
    if settings.consent_gate == "service":
        return ServiceConsentGate(channel)
    if settings.consent_gate == "development":
        return DevelopmentConsentGate(development=settings.development)
    return ClosedConsentGate()
