"""Where every way to sign in ends: a session, or a challenge for a second proof.

Password, passkey, outside provider: each proves something in its own module and comes here with what it
proved. Everything runs in the caller's transaction; nothing commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from services.auth import sessions
from services.auth.roles import roles_of
from services.auth.scopes import PERSON_SCOPES
from services.auth.second_factors import STRONG_METHODS, second_factors_of
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.sessions import OpenedSession
from services.auth.store import challenges
from services.auth.store.accounts import Account
from services.auth.store.challenges import Challenge
from services.chassis.call import current_call

DEFAULT_CLIENT = "pulsemesh"
STAFF_CLIENT = "pulsemesh-staff"
"""The program of staff: its sessions carry roles instead of a person's scopes, and need a strong proof."""
CHALLENGE_PREFIX = "pmc"
CHALLENGE_MS = 5 * 60_000
MAX_WRONG_PROOFS = 5


@dataclass(frozen=True, slots=True)
class RequestContext:
    """From where and when somebody signs in.

    Attributes:
        client_id: the program.
        device_name: what the program calls the device.
        peer: the caller's address as gRPC writes it.
    """

    client_id: str
    device_name: str
    peer: str
    now_ms: int

    @classmethod
    def of_call(cls, client_id: str, device_name: str, now_ms: int) -> RequestContext:
        """Of the call being served."""
        return cls(client_id or DEFAULT_CLIENT, device_name, current_call().peer, now_ms)


@dataclass(frozen=True, slots=True)
class OpenedChallenge:
    """A second proof is awaited.

    Attributes:
        challenge: names the attempt; the only copy.
        methods: the proofs that the person has.
    """

    challenge: str = field(repr=False)
    methods: tuple[str, ...]
    expires_ms: int


@dataclass(frozen=True, slots=True)
class SignInResult:
    """Either a session or a challenge, never both. `services.auth.wire` makes a message of it."""

    opened: OpenedSession | None = None
    challenge: OpenedChallenge | None = None


class StaffNeedsMore(Exception):
    """Somebody without a role, or without a strong proof, came by the program of staff."""


def complete(
    conn: Connection, account: Account, methods: Iterable[str], context: RequestContext
) -> SignInResult:
    """Open a session for the owner of `account`, who proved it by `methods`, or ask for more.

    Args:
        account: active; the caller has checked it.
        methods: names of RFC 8176: "pwd", "hwk" (a passkey with user verification), "otp", "fed", …

    Raises:
        StaffNeedsMore: see there.
    """
    proved = frozenset(methods)
    if not proved & STRONG_METHODS:
        further = second_factors_of(conn, account.user_id)
        if further:
            return SignInResult(challenge=_ask(conn, account, proved, further, context))
    return SignInResult(opened=_open(conn, account, proved, context))


def find_challenge(conn: Connection, challenge: str, now_ms: int) -> Challenge | None:
    """The attempt that awaits a second proof, locked until the commit; None when it is unknown or over."""
    return challenges.lock(conn, fingerprint(challenge), now_ms)


def note_wrong_proof(conn: Connection, challenge: Challenge) -> bool:
    """Count a second proof that was wrong; after the last allowed one the attempt is over (False)."""
    if challenge.wrong_proofs + 1 >= MAX_WRONG_PROOFS:
        challenges.remove(conn, challenge.challenge_sha256)
        return False
    challenges.count_wrong(conn, challenge.challenge_sha256)
    return True


def complete_challenge(
    conn: Connection, challenge: Challenge, account: Account, method: str, *, peer: str, now_ms: int
) -> SignInResult:
    """Open the session that waited for a second proof.

    Args:
        method: how it was proved: one of `STRONG_METHODS`.

    Raises:
        ValueError: the method is not strong, or the account not the challenge's.
        StaffNeedsMore: see there.
    """
    if method not in STRONG_METHODS or account.user_id != challenge.user_id:
        raise ValueError("a challenge is completed by its own person's strong proof")
    challenges.remove(conn, challenge.challenge_sha256)
    context = RequestContext(challenge.client_id, challenge.device_name, peer, now_ms)
    proved = challenge.methods | {method, "mfa"}
    return SignInResult(opened=_open(conn, account, proved, context))


def _ask(
    conn: Connection,
    account: Account,
    proved: frozenset[str],
    further: tuple[str, ...],
    context: RequestContext,
) -> OpenedChallenge:
    token = new_token(CHALLENGE_PREFIX)
    row = Challenge(
        challenge_sha256=fingerprint(token),
        user_id=account.user_id,
        methods=proved,
        client_id=context.client_id,
        device_name=context.device_name,
        wrong_proofs=0,
        expires_ms=context.now_ms + CHALLENGE_MS,
    )
    challenges.add(conn, row)
    return OpenedChallenge(token, further, row.expires_ms)


def _open(
    conn: Connection, account: Account, proved: frozenset[str], context: RequestContext
) -> OpenedSession:
    staff = context.client_id == STAFF_CLIENT
    if staff and not (proved & STRONG_METHODS and roles_of(conn, account.user_id)):
        raise StaffNeedsMore
    return sessions.open_session(
        conn,
        user_id=account.user_id,
        kind="staff" if staff else "user",
        client_id=context.client_id,
        scopes=() if staff else PERSON_SCOPES,
        methods=proved,
        device_name=context.device_name,
        peer=context.peer,
        now_ms=context.now_ms,
    )
