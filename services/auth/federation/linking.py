"""Linking accounts at providers to one's own, from within."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.auth.v1 import federation_service_pb2 as wire
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.ulid import new_ulid
from services.auth.federation import store
from services.auth.federation.attempts import Attempts, CameBack, Providers, Started
from services.auth.federation.errors import ProviderRefused
from services.auth.federation.store import LinkRow
from services.auth.store import accounts
from services.auth.tools import Tools
from services.auth.totp.owning import OwnerProofs
from services.auth.ways_in import require_another
from services.chassis.call import current_call
from services.chassis.errors import AlreadyExists, ResourceExhausted

MOST = 50


class Linking:
    """The use cases; all are the caller's about the caller's own account."""

    def __init__(self, tools: Tools, owners: OwnerProofs, attempts: Attempts, providers: Providers) -> None:
        self._tools = tools
        self._owners = owners
        self._attempts = attempts
        self._providers = providers

    async def start(self, request: wire.StartLinkRequest) -> Started:
        """Send the caller to a provider.

        Raises:
            See `OwnerProofs.require` and `Attempts.start`.
        """
        account = await self._owners.require(request.proof)
        return await self._attempts.start(request.provider, request.redirect_uri, account.user_id)

    async def link(self, request: wire.LinkProviderRequest) -> LinkRow:
        """Link the account that the provider's answer names.

        Raises:
            AlreadyExists: it is linked to another account.
            See `Attempts.finish`.
        """
        user_id = current_call().principal.user_id
        came = await self._attempts.finish(request.attempt, request.answer, user_id)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._link, user_id, came)

    def _link(self, conn: Connection, user_id: str, came: CameBack) -> LinkRow:
        now_ms, identity, settings = self._tools.clock_ms(), came.identity, came.provider.settings
        account = accounts.lock(conn, user_id)
        if account is None or not account.active:
            raise ProviderRefused("an account that is being deleted")
        if len(store.of_person(conn, user_id)) >= MOST:
            raise ResourceExhausted(f"one may have {MOST} links: remove some first")
        link = LinkRow(
            link_id=new_ulid(now_ms),
            user_id=user_id,
            provider=settings.name,
            issuer=identity.issuer,
            subject=identity.subject,
            label=identity.email[:254],
            created_ms=now_ms,
            used_ms=None,
        )
        if not store.add(conn, link):
            present = store.find_by_subject(conn, identity.issuer, identity.subject)
            if present is not None and present.user_id == user_id:
                return present
            raise AlreadyExists("link", settings.name)
        self._tools.mail.notice(
            conn, account.email, "provider_linked", account.language, now_ms, title=settings.shown_title
        )
        return link

    async def list_of_caller(self) -> list[LinkRow]:
        """The caller's links, the oldest first."""
        async with self._tools.database.read() as view:
            return await view.run(store.of_person, current_call().principal.user_id)

    async def unlink(self, link_id: str, proof: OwnerProof) -> bool:
        """Forget a link; False when the caller has none such.

        Raises:
            LastWayIn: see there.
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._unlink, account.user_id, link_id)

    def _unlink(self, conn: Connection, user_id: str, link_id: str) -> bool:
        account = accounts.lock(conn, user_id)
        link = store.find(conn, user_id, link_id)
        if account is None or link is None:
            return False
        require_another(conn, account, self._providers.issuers)
        store.remove(conn, link_id)
        title, now_ms = self._providers.title_of(link.provider), self._tools.clock_ms()
        self._tools.mail.notice(
            conn, account.email, "provider_unlinked", account.language, now_ms, title=title
        )
        return True
