"""FederationService: signing in with outside providers, and linking them."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from pulsemesh.auth.v1 import federation_pb2
from pulsemesh.auth.v1 import federation_service_pb2 as wire
from pulsemesh.auth.v1 import federation_service_pb2_grpc as stubs
from services.auth.federation.attempts import Attempts, Providers
from services.auth.federation.linking import Linking
from services.auth.federation.signing_in import OfferedSignUp, SigningInByProvider
from services.auth.federation.store import LinkRow
from services.auth.tokens import TokenIssuer
from services.auth.wire import sign_in_result_message, tokens_message

_Context = grpc.aio.ServicerContext[object, object]


class FederationServicer(stubs.FederationServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self,
        providers: Providers,
        attempts: Attempts,
        signing_in: SigningInByProvider,
        linking: Linking,
        issuer: TokenIssuer,
    ) -> None:
        self._providers = providers
        self._attempts = attempts
        self._signing_in = signing_in
        self._linking = linking
        self._issuer = issuer

    async def ListProviders(
        self, request: wire.ListProvidersRequest, context: _Context
    ) -> wire.ListProvidersResponse:
        known = [each.settings for each in self._providers.all()]
        return wire.ListProvidersResponse(
            providers=[federation_pb2.Provider(provider=each.name, title=each.shown_title) for each in known]
        )

    async def StartSignIn(
        self, request: wire.StartSignInRequest, context: _Context
    ) -> wire.StartSignInResponse:
        started = await self._attempts.start(request.provider, request.redirect_uri)
        return wire.StartSignInResponse(
            authorization_url=started.authorization_url,
            attempt=started.attempt,
            expires_at=_time(started.expires_ms),
        )

    async def FinishSignIn(
        self, request: wire.FinishSignInRequest, context: _Context
    ) -> wire.FinishSignInResponse:
        outcome = await self._signing_in.finish(request)
        if isinstance(outcome, OfferedSignUp):
            offered = wire.ProviderSignUp(
                sign_up=outcome.sign_up, email=outcome.email, expires_at=_time(outcome.expires_ms)
            )
            return wire.FinishSignInResponse(sign_up=offered)
        result = sign_in_result_message(outcome.result, self._issuer, outcome.roles)
        return wire.FinishSignInResponse(result=result)

    async def SignUpWithProvider(
        self, request: wire.SignUpWithProviderRequest, context: _Context
    ) -> wire.SignUpWithProviderResponse:
        made = await self._signing_in.sign_up(request)
        return wire.SignUpWithProviderResponse(tokens=tokens_message(made.opened, self._issuer))

    async def ListLinks(self, request: wire.ListLinksRequest, context: _Context) -> wire.ListLinksResponse:
        found = await self._linking.list_of_caller()
        return wire.ListLinksResponse(links=[self._message(each) for each in found])

    async def StartLink(self, request: wire.StartLinkRequest, context: _Context) -> wire.StartLinkResponse:
        started = await self._linking.start(request)
        return wire.StartLinkResponse(
            authorization_url=started.authorization_url,
            attempt=started.attempt,
            expires_at=_time(started.expires_ms),
        )

    async def LinkProvider(
        self, request: wire.LinkProviderRequest, context: _Context
    ) -> wire.LinkProviderResponse:
        return wire.LinkProviderResponse(link=self._message(await self._linking.link(request)))

    async def UnlinkProvider(
        self, request: wire.UnlinkProviderRequest, context: _Context
    ) -> wire.UnlinkProviderResponse:
        unlinked = await self._linking.unlink(request.link_id, request.proof)
        return wire.UnlinkProviderResponse(unlinked=unlinked)

    def _message(self, link: LinkRow) -> federation_pb2.ProviderLink:
        message = federation_pb2.ProviderLink(
            link_id=link.link_id,
            provider=link.provider,
            title=self._providers.title_of(link.provider),
            label=link.label,
        )
        message.created_at.FromMilliseconds(link.created_ms)
        if link.used_ms is not None:
            message.last_used_at.FromMilliseconds(link.used_ms)
        return message


def _time(milliseconds: int) -> Timestamp:
    time = Timestamp()
    time.FromMilliseconds(milliseconds)
    return time
