"""One second proof against what a person has: throttled, and taken once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from services.auth import throttling
from services.auth.store.accounts import Account
from services.auth.throttling import Allowance, Subject
from services.auth.tools import Tools
from services.auth.totp import store
from services.auth.totp.codes import accepted_step, recovery_fingerprint
from services.auth.totp.errors import SecondFactorThrottled, SecondFactorWrong
from services.auth.vault import SealBroken

TOTP_METHOD = "otp"
RECOVERY_METHOD = "rec"
WRONG_PROOFS = Allowance(free=5, longest_ms=15 * 60_000)
"""Who gets so far knows the password. Three codes of a million are right at a time: with some thirty attempts
an hour a month of guessing succeeds once in fifteen times, and the owner is told from the first five on."""


@dataclass(frozen=True, slots=True)
class GivenProof:
    """A code that somebody typed.

    Attributes:
        method: `TOTP_METHOD` or `RECOVERY_METHOD`.
    """

    method: str
    code: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a proof. A value, for wrong ones must be committed: commit first, raise then."""

    right: bool
    blocked_ms: int = 0

    def require(self) -> None:
        """
        Raises:
            SecondFactorThrottled, SecondFactorWrong: unless it was right.
        """
        if self.blocked_ms:
            raise SecondFactorThrottled(self.blocked_ms / 1000)
        if not self.right:
            raise SecondFactorWrong


def check(conn: Connection, tools: Tools, account: Account, given: GivenProof, now_ms: int) -> Verdict:
    """Store function: take a proof. It weighs before it is looked at, so that attempts at the same time do
    not slip through together.
    """
    subjects = [_subject(tools, account.user_id)]
    blocked_ms = throttling.attempt(conn, subjects, now_ms)
    if blocked_ms:
        return Verdict(False, blocked_ms)
    take = _take_recovery_code if given.method == RECOVERY_METHOD else _take_totp
    if not take(conn, tools, account, given.code, now_ms):
        return Verdict(False)
    throttling.forgive(conn, subjects, now_ms)
    return Verdict(True)


def secret_label(user_id: str) -> str:
    """Under what a person's secret is sealed: put into another person's row it opens no more."""
    return f"totp {user_id}"


def _subject(tools: Tools, user_id: str) -> Subject:
    return Subject(tools.vault.mac("throttle", f"second factor\0{user_id}"), WRONG_PROOFS)


def _take_totp(conn: Connection, tools: Tools, account: Account, code: str, now_ms: int) -> bool:
    row = store.lock(conn, account.user_id)
    if row.totp_secret is None:
        return False
    try:
        secret = tools.vault.open(secret_label(account.user_id), row.totp_secret).decode()
    except SealBroken:
        return False
    step = accepted_step(secret, code, now_ms, row.totp_last_step)
    return step is not None and store.use_step(conn, account.user_id, step)


def _take_recovery_code(conn: Connection, tools: Tools, account: Account, code: str, now_ms: int) -> bool:
    if not store.use_code(conn, account.user_id, recovery_fingerprint(account.user_id, code)):
        return False
    left = str(store.codes_left(conn, account.user_id))
    tools.mail.notice(conn, account.email, "recovery_code_used", account.language, now_ms, left=left)
    return True
