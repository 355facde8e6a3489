"""Signing in, and signing up, by what a provider proved."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from pulsemesh.auth.v1 import federation_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.auth import signing_in
from services.auth.accounts.creating import create_account
from services.auth.accounts.signing_up import age_of
from services.auth.addresses import NotAnAddress, normalised
from services.auth.errors import StaffRefused
from services.auth.federation import store
from services.auth.federation.attempts import Attempts, CameBack, Providers
from services.auth.federation.errors import AddressNotProved, ProviderRefused, SignInToLink
from services.auth.federation.store import LinkRow, WaitingSignUp
from services.auth.jurisdictions import require_age, require_home
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.signing_in import RequestContext, StaffNeedsMore
from services.auth.store import accounts
from services.auth.tools import Tools
from services.auth.totp.errors import SignInAttemptOver
from services.auth.ways_in import SignedIn, signed_in

METHOD = "fed"
SIGN_UP_PREFIX = "pmp"
SIGN_UP_LIVES_MS = 30 * 60_000


@dataclass(frozen=True, slots=True)
class OfferedSignUp:
    """Somebody unknown may sign up.

    Attributes:
        sign_up: names the sign-up; the only copy.
    """

    sign_up: str = field(repr=False)
    email: str
    expires_ms: int


class SigningInByProvider:
    """The use cases."""

    def __init__(self, tools: Tools, attempts: Attempts, providers: Providers) -> None:
        self._tools = tools
        self._attempts = attempts
        self._providers = providers

    async def finish(self, request: wire.FinishSignInRequest) -> SignedIn | OfferedSignUp:
        """Sign in by a provider's answer, or offer a sign-up to somebody unknown.

        Raises:
            SignInToLink, AddressNotProved, StaffRefused, and what `Attempts.finish` raises.
        """
        context = RequestContext.of_call(request.client_id, request.device_name, self._tools.clock_ms())
        came = await self._attempts.finish(request.attempt, request.answer)
        try:
            async with self._tools.database.write() as transaction:
                return await transaction.run(self._finish, came, context)
        except StaffNeedsMore:
            raise StaffRefused from None

    def _finish(self, conn: Connection, came: CameBack, context: RequestContext) -> SignedIn | OfferedSignUp:
        identity = came.identity
        link = store.find_by_subject(conn, identity.issuer, identity.subject)
        if link is None:
            return self._offer(conn, came, context.now_ms)
        account = accounts.lock(conn, link.user_id)
        if account is None or not account.active:
            raise ProviderRefused("an account that is being deleted")
        store.use(conn, link.link_id, identity.email[:254], context.now_ms)
        return signed_in(conn, signing_in.complete(conn, account, {METHOD}, context))

    def _offer(self, conn: Connection, came: CameBack, now_ms: int) -> OfferedSignUp:
        """Nobody is linked by their address: whoever has the provider's account need not have ours."""
        email = proved_address(came)
        if accounts.find_by_email(conn, email) is not None:
            raise SignInToLink(came.provider.settings.shown_title)
        token = new_token(SIGN_UP_PREFIX)
        waiting = WaitingSignUp(
            sign_up_sha256=fingerprint(token),
            provider=came.provider.settings.name,
            issuer=came.identity.issuer,
            subject=came.identity.subject,
            email=email,
            expires_ms=now_ms + SIGN_UP_LIVES_MS,
        )
        store.wait(conn, waiting)
        return OfferedSignUp(token, email, waiting.expires_ms)

    async def sign_up(self, request: wire.SignUpWithProviderRequest) -> SignedIn:
        """Make the account of somebody who was offered one.

        Raises:
            InvalidField, ServedElsewhere, TooYoung: as in a sign-up by mail; it may be tried again.
            SignInAttemptOver: the offer was used, is too old, or never was.
            SignInToLink: the address has an account by now.
        """
        tools = self._tools
        require_home(request.country, tools.cell, tools.cells)
        birth_date, years = age_of(request, tools.clock_ms())
        require_age(request.country, years)
        context = RequestContext.of_call(request.client_id, request.device_name, tools.clock_ms())
        try:
            async with tools.database.write() as transaction:
                made = await transaction.run(self._sign_up, request, birth_date, years, context)
        except StaffNeedsMore:
            raise StaffRefused from None
        if made is None:
            raise SignInAttemptOver
        return made

    def _sign_up(
        self,
        conn: Connection,
        request: wire.SignUpWithProviderRequest,
        birth_date: str | None,
        years: int,
        context: RequestContext,
    ) -> SignedIn | None:
        waiting = store.take_sign_up(conn, fingerprint(request.sign_up), context.now_ms)
        if waiting is None or waiting.issuer not in self._providers.issuers:
            return None
        account = create_account(
            conn,
            cell=self._tools.cell,
            email=waiting.email,
            password_hash=None,
            country=request.country,
            language=request.language or "en",
            birth_date=birth_date,
            at_least_years=years,
            now_ms=context.now_ms,
        )
        if account is None:
            raise SignInToLink(self._providers.title_of(waiting.provider))
        link = LinkRow(
            link_id=new_ulid(context.now_ms),
            user_id=account.user_id,
            provider=waiting.provider,
            issuer=waiting.issuer,
            subject=waiting.subject,
            label=waiting.email,
            created_ms=context.now_ms,
            used_ms=context.now_ms,
        )
        if not store.add(conn, link):
            raise SignInAttemptOver  # linked to another account meanwhile; nothing of this remains
        title = self._providers.title_of(waiting.provider)
        self._tools.mail.notice(
            conn, account.email, "provider_linked", account.language, context.now_ms, title=title
        )
        return signed_in(conn, signing_in.complete(conn, account, {METHOD}, context))


def proved_address(came: CameBack) -> str:
    """The normalised address for which the provider vouches.

    Raises:
        AddressNotProved: it gives none, does not vouch for it, or is not believed in this.
    """
    settings, identity = came.provider.settings, came.identity
    if not (settings.vouches and identity.email_verified):
        raise AddressNotProved(settings.shown_title)
    try:
        return normalised(identity.email)
    except NotAnAddress:
        raise AddressNotProved(settings.shown_title) from None
