"""The second half of a sign-in: a code opens the session that waits for it."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.auth.v1 import second_factor_service_pb2 as wire
from services.auth import signing_in, throttling
from services.auth.errors import StaffRefused
from services.auth.signing_in import StaffNeedsMore
from services.auth.store import accounts
from services.auth.store.accounts import Account
from services.auth.store.challenges import Challenge
from services.auth.tools import Tools
from services.auth.totp.checking import RECOVERY_METHOD, TOTP_METHOD, GivenProof, Verdict, check
from services.auth.totp.errors import SignInAttemptOver
from services.auth.ways_in import SignedIn, signed_in
from services.chassis.call import current_call


class Completing:
    """The use case."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def complete(self, request: wire.CompleteSignInRequest) -> SignedIn:
        """
        Raises:
            SecondFactorWrong, SecondFactorThrottled: see there; what they entail is committed.
            SignInAttemptOver: the challenge was used, is too old, or never was.
            StaffRefused: see there.
        """
        by_code = request.WhichOneof("proof") == "totp_code"
        given = (
            GivenProof(TOTP_METHOD, request.totp_code)
            if by_code
            else GivenProof(RECOVERY_METHOD, request.recovery_code)
        )
        peer = current_call().peer
        async with self._tools.database.write() as transaction:
            outcome = await transaction.run(self._complete, request.challenge, given, peer)
        if outcome is None:
            raise SignInAttemptOver
        if isinstance(outcome, Verdict):
            outcome.require()
            raise StaffRefused
        return outcome

    def _complete(
        self, conn: Connection, challenge_token: str, given: GivenProof, peer: str
    ) -> SignedIn | Verdict | None:
        now_ms = self._tools.clock_ms()
        challenge = signing_in.find_challenge(conn, challenge_token, now_ms)
        account = None if challenge is None else accounts.lock(conn, challenge.user_id)
        if challenge is None or account is None or not account.active:
            return None
        verdict = check(conn, self._tools, account, given, now_ms)
        if not verdict.right:
            if not verdict.blocked_ms:
                note_wrong_proof(conn, self._tools, challenge, account, now_ms)
            return verdict
        try:
            result = signing_in.complete_challenge(
                conn, challenge, account, given.method, peer=peer, now_ms=now_ms
            )
        except StaffNeedsMore:
            return verdict
        return signed_in(conn, result)


def note_wrong_proof(
    conn: Connection, tools: Tools, challenge: Challenge, account: Account, now_ms: int
) -> None:
    """Store function: count a wrong second proof; with the last allowed one the owner is told that somebody
    knows the first.
    """
    if signing_in.note_wrong_proof(conn, challenge):
        return
    if not throttling.attempt(conn, [throttling.subject_of_mails(tools.vault, account.user_id)], now_ms):
        tools.mail.notice(conn, account.email, "second_factor_guessed", account.language, now_ms)
