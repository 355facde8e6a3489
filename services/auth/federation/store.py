"""Links to accounts at providers, attempts to come from there, and sign-ups that wait, in the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select, update

from services.auth.tables import provider_attempts, provider_links, provider_sign_ups
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An account at a provider with which a person signs in. Times are milliseconds since 1970 UTC."""

    link_id: str
    user_id: str
    provider: str
    issuer: str
    subject: str
    label: str
    created_ms: int
    used_ms: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody is away at a provider.

    Attributes:
        secrets: nonce and code verifier, sealed.
        user_id: who wants to link; None for a sign-in.
    """

    attempt_sha256: bytes
    state_sha256: bytes
    provider: str
    redirect_uri: str
    secrets: bytes = field(repr=False)
    user_id: str | None
    expires_ms: int


@dataclass(frozen=True, slots=True)
class WaitingSignUp:
    """Somebody whom a provider vouches for."""

    sign_up_sha256: bytes
    provider: str
    issuer: str
    subject: str
    email: str
    expires_ms: int


def begin(conn: Connection, attempt: Attempt) -> None:
    """Keep a new attempt."""
    values = {name: getattr(attempt, name) for name in Attempt.__slots__}
    conn.execute(insert(provider_attempts).values(values))


def take(conn: Connection, attempt_sha256: bytes, now_ms: int) -> Attempt | None:
    """The attempt, which is over by this; None when it was over."""
    table = provider_attempts
    row = conn.execute(
        delete(table).where(table.c.attempt_sha256 == attempt_sha256).returning(*table.c)
    ).first()
    return None if row is None or row.expires_ms <= now_ms else Attempt(**row._mapping)


def wait(conn: Connection, sign_up: WaitingSignUp) -> None:
    """Keep a sign-up until it is completed."""
    values = {name: getattr(sign_up, name) for name in WaitingSignUp.__slots__}
    conn.execute(insert(provider_sign_ups).values(values))


def take_sign_up(conn: Connection, sign_up_sha256: bytes, now_ms: int) -> WaitingSignUp | None:
    """The sign-up, which waits no more; None when it did not."""
    table = provider_sign_ups
    row = conn.execute(
        delete(table).where(table.c.sign_up_sha256 == sign_up_sha256).returning(*table.c)
    ).first()
    return None if row is None or row.expires_ms <= now_ms else WaitingSignUp(**row._mapping)


def forget(conn: Connection, now_ms: int) -> int:
    """Drop what nobody ended in time."""
    dropped = 0
    for table in (provider_attempts, provider_sign_ups):
        dropped += conn.execute(delete(table).where(table.c.expires_ms <= now_ms)).rowcount
    return dropped


def add(conn: Connection, link: LinkRow) -> bool:
    """Keep a new link; False when the account at the provider is linked already."""
    values = {name: getattr(link, name) for name in LinkRow.__slots__}
    statement = insert_for(conn, provider_links).values(values)
    statement = statement.on_conflict_do_nothing(index_elements=["issuer", "subject"])
    return conn.execute(statement).rowcount == 1


def find_by_subject(conn: Connection, issuer: str, subject: str) -> LinkRow | None:
    """By whom the provider says that it is: the only way from a provider to an account."""
    row = conn.execute(
        select(provider_links).where(provider_links.c.issuer == issuer, provider_links.c.subject == subject)
    ).first()
    return None if row is None else LinkRow(**row._mapping)


def find(conn: Connection, user_id: str, link_id: str) -> LinkRow | None:
    """One of a person's."""
    table = provider_links
    row = conn.execute(select(table).where(table.c.user_id == user_id, table.c.link_id == link_id)).first()
    return None if row is None else LinkRow(**row._mapping)


def of_person(conn: Connection, user_id: str) -> list[LinkRow]:
    """A person's, the oldest first."""
    table = provider_links
    rows = conn.execute(select(table).where(table.c.user_id == user_id).order_by(table.c.link_id))
    return [LinkRow(**row._mapping) for row in rows]


def count(conn: Connection, user_id: str, issuers: Collection[str]) -> int:
    """How many a person has with any of these issuers."""
    table = provider_links
    counted = select(func.count()).select_from(table)
    statement = counted.where(table.c.user_id == user_id, table.c.issuer.in_(issuers))
    return int(conn.scalar(statement) or 0)


def use(conn: Connection, link_id: str, label: str, now_ms: int) -> None:
    """Somebody signed in by it."""
    table = provider_links
    conn.execute(update(table).where(table.c.link_id == link_id).values(used_ms=now_ms, label=label))


def remove(conn: Connection, link_id: str) -> None:
    """Forget a link."""
    conn.execute(delete(provider_links).where(provider_links.c.link_id == link_id))
