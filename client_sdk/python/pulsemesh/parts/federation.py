"""Signing in with outside providers: for programs that can send a person to a page and hear the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pulsemesh.auth.v1 import federation_pb2, federation_service_pb2_grpc
from pulsemesh.auth.v1 import federation_service_pb2 as wire
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.credentials import SessionTokens
from pulsemesh.parts.account import SecondFactorNeeded

__all__ = ["Providers", "SignUpOffered"]


class SignUpOffered(Exception):
    """The provider vouches for somebody who has no account; `Providers.sign_up` makes one.

    `sign_up` names the sign-up, `email` is the address that the account will have.
    """

    def __init__(self, sign_up: str, email: str) -> None:
        super().__init__(f"there is no account yet for {email}")
        self.sign_up = sign_up
        self.email = email


class Providers:
    """Outside providers, and one's accounts there."""

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = federation_service_pb2_grpc.FederationServiceStub(channel.for_stub())
        self._anyone = federation_service_pb2_grpc.FederationServiceStub(anonymous.for_stub())

    async def list(self) -> list[federation_pb2.Provider]:
        """Return whom one can sign in with."""
        return list((await self._anyone.ListProviders(wire.ListProvidersRequest())).providers)

    async def start_sign_in(self, provider: str, redirect_uri: str) -> wire.StartSignInResponse:
        """Begin: send the person to `authorization_url`, keep `attempt` where this browser or device alone
        has it.
        """
        request = wire.StartSignInRequest(provider=provider, redirect_uri=redirect_uri)
        return await self._anyone.StartSignIn(request)

    async def finish_sign_in(
        self, attempt: str, answer: wire.ProviderAnswer, *, device_name: str = "", client_id: str = ""
    ) -> SessionTokens:
        """Sign in by the parameters with which the provider sent the person back.

        Raises `SignUpOffered` for somebody unknown, `SecondFactorNeeded` where more is to be proved.
        """
        request = wire.FinishSignInRequest(
            attempt=attempt, answer=answer, device_name=device_name, client_id=client_id
        )
        outcome = await self._anyone.FinishSignIn(request)
        if outcome.HasField("sign_up"):
            raise SignUpOffered(outcome.sign_up.sign_up, outcome.sign_up.email)
        if outcome.result.HasField("second_factor"):
            raise SecondFactorNeeded.of(outcome.result.second_factor)
        return SessionTokens.of(outcome.result.tokens)

    async def sign_up(
        self,
        sign_up: str,
        *,
        country: str,
        born: date | None = None,
        at_least_years: int = 0,
        language: str = "",
        device_name: str = "",
        client_id: str = "",
    ) -> SessionTokens:
        """Make the account that `SignUpOffered` offers, and sign in."""
        request = wire.SignUpWithProviderRequest(
            sign_up=sign_up,
            country=country.upper(),
            language=language,
            device_name=device_name,
            client_id=client_id,
        )
        if born is not None:
            request.birth_date = born.isoformat()
        else:
            request.at_least_years = at_least_years
        return SessionTokens.of((await self._anyone.SignUpWithProvider(request)).tokens)

    async def links(self) -> Sequence[federation_pb2.ProviderLink]:
        """Return one's accounts at providers, the oldest first."""
        return (await self._stub.ListLinks(wire.ListLinksRequest())).links

    async def start_link(self, provider: str, redirect_uri: str, proof: OwnerProof) -> wire.StartLinkResponse:
        """Begin to link an account at a provider; as `start_sign_in`."""
        request = wire.StartLinkRequest(provider=provider, redirect_uri=redirect_uri, proof=proof)
        return await self._stub.StartLink(request)

    async def link(self, attempt: str, answer: wire.ProviderAnswer) -> federation_pb2.ProviderLink:
        """Link the account that the provider's answer names."""
        request = wire.LinkProviderRequest(attempt=attempt, answer=answer)
        return (await self._stub.LinkProvider(request)).link

    async def unlink(self, link_id: str, proof: OwnerProof) -> bool:
        """Forget a link; False when there was none. The last way in stays: `FailedPrecondition`."""
        request = wire.UnlinkProviderRequest(link_id=link_id, proof=proof)
        return (await self._stub.UnlinkProvider(request)).unlinked
