"""What the further ways in have in common: what they answer, and that one of them must remain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from services.auth.federation import store as link_store
from services.auth.federation.attempts import Providers
from services.auth.passkeys import store as passkey_store
from services.auth.roles import roles_of
from services.auth.sessions import OpenedSession
from services.auth.signing_in import OpenedChallenge, SignInResult
from services.auth.store.accounts import Account
from services.auth.totp.errors import LastWayIn


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of a way in, with the roles of its owner, if it is one of staff."""

    result: SignInResult
    roles: frozenset[str] = frozenset()

    @property
    def opened(self) -> OpenedSession:
        """The session, of a way in that never asks for more."""
        assert self.result.opened is not None
        return self.result.opened

    @property
    def challenge(self) -> OpenedChallenge | None:
        """The second proof that is awaited, if one is."""
        return self.result.challenge


def signed_in(conn: Connection, result: SignInResult) -> SignedIn:
    """Store function: a result with the roles that its token needs."""
    opened = result.opened
    if opened is None or opened.session.kind != "staff":
        return SignedIn(result)
    return SignedIn(result, roles_of(conn, opened.session.user_id))


def require_another(conn: Connection, account: Account, issuers: Collection[str]) -> None:
    """Store function: a way in may go only if another remains. The account must be locked: two that go at the
    same time would each see the other.

    Args:
        issuers: of the providers that the settings name: links to others lead nowhere.

    Raises:
        LastWayIn: it is the last.
    """
    ways = int(account.password_hash is not None)
    ways += passkey_store.count(conn, account.user_id)
    ways += link_store.count(conn, account.user_id, issuers)
    if ways <= 1:
        raise LastWayIn


def still_open(conn: Connection, user_id: str, providers: Providers) -> tuple[list[str], list[str]]:
    """Store function: with what a person signs in beside the password, as they know it: names of passkeys,
    and of providers with the account there.
    """
    passkeys = [passkey.name or passkey.passkey_id for passkey in passkey_store.of_person(conn, user_id)]
    links = [
        f"{providers.title_of(link.provider)} ({link.label})"
        if link.label
        else providers.title_of(link.provider)
        for link in link_store.of_person(conn, user_id)
        if link.issuer in providers.issuers
    ]
    return passkeys, links
