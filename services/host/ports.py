"""From settings to the adapters behind the pipeline."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from services.auth.keys import jwks_path
from services.chassis.auth import Authenticator, FileKeys, HttpKeys, JwksAuthenticator, KeySource
from services.chassis.consent import ClosedConsentGate, ConsentGate, DevelopmentConsentGate
from services.chassis.settings import Settings
from services.host.consents import ServiceConsentGate


def key_source(settings: Settings) -> KeySource:
    """Where the keys are that prove tokens."""
    if settings.auth.jwks_url is not None:
        return HttpKeys(settings.auth.jwks_url)
    return FileKeys(settings.auth.jwks_file or jwks_path(settings.data_dir))


def authenticator(settings: Settings) -> Authenticator:
    """Proves tokens by the settings' keys."""
    return JwksAuthenticator(key_source(settings), issuer=settings.issuer, leeway_s=settings.auth.leeway_s)


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
