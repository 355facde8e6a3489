"""What the owner of an account changes: password, address, language; and its end."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from services.auth import events, sessions, throttling
from services.auth.accounts.owner import Owner
from services.auth.accounts.signing_up import address
from services.auth.errors import AccountNotFound, CodeWrong, SignInFailed
from services.auth.secret_tokens import new_code
from services.auth.store import accounts, proofs, sign_ups
from services.auth.store.accounts import DELETING, Account
from services.auth.store.proofs import EmailChange
from services.auth.tools import Tools
from services.auth.totp.owning import OwnerProofs
from services.chassis import outbox
from services.chassis.call import current_call
from services.chassis.errors import InvalidField

CODE_LIVES_MS = 60 * 60_000
MAX_WRONG_CODES = 5
_CODE_LABEL = "email change code"


class Changing:
    """The use cases; all are the caller's about the caller's own account.

    What can be refused without a proof is refused before one is taken: a code is good once.
    """

    def __init__(self, tools: Tools, owner: Owner, proofs_of_owner: OwnerProofs) -> None:
        self._tools = tools
        self._owner = owner
        self._proofs = proofs_of_owner

    async def account(self) -> tuple[Account, str]:
        """The caller's account, and the address that awaits its code.

        Raises:
            AccountNotFound: the caller has none here.
        """
        account = await self._owner.account()
        async with self._tools.database.read() as view:
            pending = await view.run(proofs.find_email_change, account.user_id, self._tools.clock_ms())
        return account, "" if pending is None else pending.new_email

    async def change_password(self, request: wire.ChangePasswordRequest) -> int:
        """Set another password; every other session ends. Returns how many did.

        Raises:
            PasswordWeak, PasswordBreached: see there; and what `OwnerProofs.require` raises.
        """
        tools = self._tools
        own = await self._owner.account()
        await tools.require_good_password("new_password", request.new_password, email=own.email or "")
        account = await self._proofs.require(proof_of(request))
        hashed = await tools.passwords.hash(request.new_password)
        session_id = current_call().principal.session_id
        async with tools.database.write() as transaction:
            return await transaction.run(self._set_password, account, hashed, session_id)

    def _set_password(self, conn: Connection, account: Account, hashed: str, session_id: str) -> int:
        now_ms = self._tools.clock_ms()
        present = accounts.lock(conn, account.user_id)
        if present is None or not present.active or present.password_hash != account.password_hash:
            raise SignInFailed  # changed by somebody else meanwhile
        ended = set_password(conn, present, hashed, now_ms, keep_session_id=session_id, by_reset=False)
        self._tools.mail.notice(conn, present.email, "password_changed", present.language, now_ms)
        return ended

    async def change_email(self, request: wire.ChangeEmailRequest) -> int:
        """Send a code to another address, a notice to the present one; returns when the code expires, in ms.

        Raises:
            InvalidField: it is no address; and what `OwnerProofs.require` raises.
        """
        new_email = address("new_email", request.new_email)
        if new_email == (await self._owner.account()).email:
            raise InvalidField("new_email", "must be another address")
        account = await self._proofs.require(proof_of(request))
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._ask_email, account, new_email)

    def _ask_email(self, conn: Connection, account: Account, new_email: str) -> int:
        tools, now_ms = self._tools, self._tools.clock_ms()
        expires_ms = now_ms + CODE_LIVES_MS
        code = new_code()
        taken = accounts.find_by_email(conn, new_email) is not None
        subject = throttling.subject_of_mails(tools.vault, new_email)
        mailed = not throttling.attempt(conn, [subject], now_ms)
        mac = tools.vault.mac(_CODE_LABEL, code)
        # A code that went to nobody is good for nobody: else it could be guessed without end.
        decoy = taken or not mailed
        proofs.put_email_change(conn, EmailChange(account.user_id, new_email, decoy, mac, 0, expires_ms))
        if mailed:
            template = "email_taken" if taken else "email_change"
            minutes = str(CODE_LIVES_MS // 60_000)
            tools.mail.put(
                conn,
                new_email,
                template,
                account.language,
                (now_ms, expires_ms),
                code=code,
                minutes=minutes,
            )
        tools.mail.notice(
            conn, account.email, "email_change_notice", account.language, now_ms, new_email=new_email
        )
        return expires_ms

    async def confirm_email(self, code: str) -> Account:
        """Make the other address count; both are told.

        Raises:
            CodeWrong: see there.
            AccountNotFound: the caller has none here.
        """
        await self.account()
        user_id = current_call().principal.user_id
        async with self._tools.database.write() as transaction:
            changed = await transaction.run(self._confirm_email, user_id, code)
        if changed is None:
            raise CodeWrong
        return changed

    def _confirm_email(self, conn: Connection, user_id: str, code: str) -> Account | None:
        tools, now_ms = self._tools, self._tools.clock_ms()
        asked = proofs.lock_email_change(conn, user_id, now_ms)
        account = accounts.lock(conn, user_id)
        if asked is None or account is None or asked.wrong_codes >= MAX_WRONG_CODES:
            return None
        if asked.decoy or not tools.vault.matches(_CODE_LABEL, code, asked.code_mac):
            proofs.count_wrong_code(conn, user_id)
            return None
        proofs.remove_email_change(conn, user_id)
        if accounts.find_by_email(conn, asked.new_email) is not None:
            return None  # somebody signed up with it meanwhile
        accounts.change(conn, user_id, email=asked.new_email)
        proofs.remove_resets(conn, user_id)  # they went to the other mailbox
        sign_ups.remove_of(conn, asked.new_email)
        for recipient in (account.email, asked.new_email):
            tools.mail.notice(
                conn, recipient, "email_changed", account.language, now_ms, new_email=asked.new_email
            )
        outbox.append(conn, events.email_verified(user_id, now_ms))
        return accounts.find(conn, user_id)

    async def change_language(self, language: str) -> Account:
        """Set the language of mails.

        Raises:
            AccountNotFound: the caller has none here.
        """
        account, _ = await self.account()
        async with self._tools.database.write() as transaction:
            await transaction.run(accounts.change, account.user_id, language=language or "en")
        return (await self.account())[0]

    async def request_deletion(self, request: wire.RequestAccountDeletionRequest) -> int:
        """Ask for everything to be erased: nobody signs in any more. Returns when it was asked for, in ms.

        Raises:
            See `OwnerProofs.require`.
        """
        account = await self._proofs.require(proof_of(request))
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._request_deletion, account)

    def _request_deletion(self, conn: Connection, account: Account) -> int:
        tools, now_ms = self._tools, self._tools.clock_ms()
        present = accounts.lock(conn, account.user_id)
        if present is None or not present.active:
            raise AccountNotFound(account.user_id)  # asked for twice at once: it is told once
        accounts.change(conn, account.user_id, state=DELETING, deletion_requested_ms=now_ms)
        proofs.remove_resets(conn, account.user_id)
        proofs.remove_email_change(conn, account.user_id)
        sessions.end_all(conn, account.user_id, SessionEndReason.SESSION_END_REASON_ACCOUNT_DELETED, now_ms)
        tools.mail.notice(conn, account.email, "deletion_requested", account.language, now_ms)
        outbox.append(conn, events.account_deletion_requested(account.user_id, now_ms))
        return now_ms


def proof_of(
    request: wire.ChangePasswordRequest | wire.ChangeEmailRequest | wire.RequestAccountDeletionRequest,
) -> OwnerProof:
    """The proof in a request: the field of that name, else the password."""
    if request.proof.WhichOneof("proof") is not None:
        return request.proof
    return OwnerProof(password=request.current_password)


def set_password(
    conn: Connection,
    account: Account,
    hashed: str,
    now_ms: int,
    *,
    keep_session_id: str = "",
    by_reset: bool,
) -> int:
    """Store function: another password and no other sessions; returns how many ended. The caller tells the
    owner by mail.
    """
    accounts.change(conn, account.user_id, password_hash=hashed, password_changed_ms=now_ms)
    proofs.remove_resets(conn, account.user_id)
    reason = SessionEndReason.SESSION_END_REASON_PASSWORD_CHANGED
    ended = sessions.end_all(conn, account.user_id, reason, now_ms, keep_session_id=keep_session_id)
    outbox.append(conn, events.password_changed(account.user_id, now_ms, by_reset=by_reset))
    return ended
