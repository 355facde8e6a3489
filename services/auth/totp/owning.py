"""Proving once more that the caller owns the account, for what a stolen session must not do."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from services.auth.accounts.owner import FRESH_MS, Owner
from services.auth.errors import SignInAgain
from services.auth.second_factors import STRONG_METHODS, second_factors_of
from services.auth.store import accounts
from services.auth.store.accounts import Account
from services.auth.tools import Tools
from services.auth.totp.checking import RECOVERY_METHOD, TOTP_METHOD, GivenProof, Verdict, check
from services.chassis.call import current_call


class OwnerProofs:
    """Checks `OwnerProof`; see its contract."""

    def __init__(self, tools: Tools, owner: Owner) -> None:
        self._tools = tools
        self._owner = owner

    async def require(self, proof: OwnerProof) -> Account:
        """The caller's account, once the caller has proved to be its owner.

        Raises:
            SecondFactorWrong, SecondFactorThrottled: the code is wrong.
            SignInAgain: a code is needed and none was given.
            AccountNotFound, SignInFailed, SignInThrottled: see `Owner`.
        """
        account = await self._owner.account()
        async with self._tools.database.read() as view:
            guarded = await view.run(second_factors_of, account.user_id)
        if not guarded:
            await self._owner.require_password(account, proof.password)
            return account
        given = given_proof(proof)
        if given is None:
            self._require_fresh_session()
            return account
        async with self._tools.database.write() as transaction:
            verdict = await transaction.run(self._check, account.user_id, given)
        verdict.require()
        return account

    def _require_fresh_session(self) -> None:
        principal = current_call().principal
        age_ms = self._tools.clock_ms() - principal.authenticated_at_s * 1000
        if age_ms > FRESH_MS or not principal.methods & STRONG_METHODS:
            raise SignInAgain

    def _check(self, conn: Connection, user_id: str, given: GivenProof) -> Verdict:
        account = accounts.lock(conn, user_id)
        if account is None or not account.active:
            return Verdict(False)
        return check(conn, self._tools, account, given, self._tools.clock_ms())


def given_proof(proof: OwnerProof) -> GivenProof | None:
    """The code in a proof, None when there is none."""
    if proof.totp_code:
        return GivenProof(TOTP_METHOD, proof.totp_code)
    return GivenProof(RECOVERY_METHOD, proof.recovery_code) if proof.recovery_code else None
