"""Builds the further ways in: second proofs, passkeys, outside providers. Part of what `module.py` does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from pulsemesh.auth.v1.federation_service_pb2_grpc import add_FederationServiceServicer_to_server
from pulsemesh.auth.v1.passkey_service_pb2_grpc import add_PasskeyServiceServicer_to_server
from pulsemesh.auth.v1.second_factor_service_pb2_grpc import add_SecondFactorServiceServicer_to_server
from services.auth.federation.attempts import Attempts, Providers
from services.auth.federation.linking import Linking
from services.auth.federation.metadata import TIMEOUT_S
from services.auth.federation.provider import Provider
from services.auth.federation.servicer import FederationServicer
from services.auth.federation.signing_in import SigningInByProvider
from services.auth.passkeys.keeping import Passkeys
from services.auth.passkeys.servicer import PasskeyServicer
from services.auth.passkeys.signing_in import SigningInByPasskey
from services.auth.passkeys.verifying import RelyingParty
from services.auth.sign_in_settings import SignInSettings
from services.auth.tokens import TokenIssuer
from services.auth.tools import Tools
from services.auth.totp.completing import Completing
from services.auth.totp.managing import SecondFactors
from services.auth.totp.owning import OwnerProofs
from services.auth.totp.servicer import SecondFactorServicer
from services.chassis.module import AddToServer


@dataclass(frozen=True)
class FurtherWays:
    """What the module serves.

    Attributes:
        providers: those that the settings name.
        close: lets go of connections to providers.
    """

    servicers: list[tuple[AddToServer, Any]]
    providers: Providers
    close: Callable[[], Awaitable[None]]


def further_ways(
    tools: Tools, owners: OwnerProofs, issuer: TokenIssuer, settings: SignInSettings
) -> FurtherWays:
    """Second proofs, passkeys and outside providers, by settings."""
    client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=True)

    def clock_s() -> float:
        return tools.clock_ms() / 1000

    providers = Providers(
        [Provider(each, client, clock_s=clock_s) for each in settings.providers],
        settings.provider_redirect_uris,
    )
    party = RelyingParty(settings.passkey_domain, settings.platform_name, settings.passkey_origins)
    attempts = Attempts(tools, providers)
    factors = SecondFactors(tools, owners, settings.platform_name)
    passkeys = Passkeys(tools, owners, party, providers.issuers)
    federation = FederationServicer(
        providers,
        attempts,
        SigningInByProvider(tools, attempts, providers),
        Linking(tools, owners, attempts, providers),
        issuer,
    )
    return FurtherWays(
        servicers=[
            (
                add_SecondFactorServiceServicer_to_server,
                SecondFactorServicer(Completing(tools), factors, issuer),
            ),
            (
                add_PasskeyServiceServicer_to_server,
                PasskeyServicer(passkeys, SigningInByPasskey(tools, party), issuer),
            ),
            (add_FederationServiceServicer_to_server, federation),
        ],
        providers=providers,
        close=client.aclose,
    )
