"""The caller's own account, and the password as a proof that it is theirs."""

from __future__ import annotations

from services.auth import throttling
from services.auth.errors import AccountNotFound, SignInAgain, SignInFailed, SignInThrottled
from services.auth.store import accounts
from services.auth.store.accounts import Account
from services.auth.tools import Tools
from services.chassis.call import current_call

FRESH_MS = 10 * 60_000
"""How recent a sign-in must be where nothing else is asked for."""


class Owner:
    """Finds the caller's account and checks its password."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def account(self) -> Account:
        """The caller's account.

        Raises:
            AccountNotFound: the caller has none here, or it is being deleted.
        """
        user_id = current_call().principal.user_id
        async with self._tools.database.read() as view:
            account = await view.run(accounts.find, user_id)
        if account is None or not account.active:
            raise AccountNotFound(user_id)
        return account

    async def require_password(self, account: Account, password: str) -> None:
        """Prove that the caller is the owner: by the password, or where there is none by a sign-in of the
        last minutes. Not enough where the person has a second factor: see `OwnerProofs`.

        Raises:
            SignInFailed, SignInThrottled: the password is wrong.
            SignInAgain: the account has no password, and the sign-in is too old.
        """
        tools, call = self._tools, current_call()
        now_ms = tools.clock_ms()
        if account.password_hash is None:
            if now_ms - call.principal.authenticated_at_s * 1000 > FRESH_MS:
                raise SignInAgain
            return
        subjects = throttling.subjects_of_sign_in(tools.vault, account.user_id, call.peer, owner_is_here=True)
        async with tools.database.write() as transaction:
            blocked_ms = await transaction.run(throttling.attempt, subjects, now_ms)
        if blocked_ms:
            raise SignInThrottled(blocked_ms / 1000)
        if not await tools.passwords.verify(account.password_hash, password):
            raise SignInFailed
        async with tools.database.write() as transaction:
            await transaction.run(throttling.forgive, subjects, now_ms)
