"""Setting another password without the present one, by a mail."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from services.auth import throttling
from services.auth.accounts.changing import set_password
from services.auth.accounts.signing_up import address
from services.auth.errors import CodeWrong
from services.auth.federation.attempts import Providers
from services.auth.mail.outbox import RESET_ASKED
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.store import accounts, mails, proofs
from services.auth.store.mails import MailRow
from services.auth.tools import Tools
from services.auth.ways_in import still_open

RESET_PREFIX = "pmp"
LIVES_MS = 30 * 60_000


class Resetting:
    """The use cases."""

    def __init__(self, tools: Tools, providers: Providers) -> None:
        self._tools = tools
        self._providers = providers

    async def ask(self, given: str) -> int:
        """Note that somebody asks; returns when a link, if one is sent, expires, in milliseconds.

        Whether the address has an account is not even looked up here.

        Raises:
            InvalidField: it is no address.
        """
        email = address("email", given)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._ask, email)

    def _ask(self, conn: Connection, email: str) -> int:
        tools, now_ms = self._tools, self._tools.clock_ms()
        expires_ms = now_ms + LIVES_MS
        if not throttling.attempt(conn, [throttling.subject_of_mails(tools.vault, email)], now_ms):
            tools.mail.put(conn, email, RESET_ASKED, "en", (now_ms, expires_ms))
        return expires_ms

    async def answer(self, row: MailRow) -> None:
        """See `services.auth.mail.sending.ResetAsked`: a mail to the owner, where there is one."""
        async with self._tools.database.write() as transaction:
            await transaction.run(self._answer, row)

    def _answer(self, conn: Connection, row: MailRow) -> None:
        tools, now_ms = self._tools, self._tools.clock_ms()
        if not mails.remove(conn, row.mail_pk):
            return
        account = accounts.find_by_email(conn, row.recipient)
        if account is None or not account.active:
            return
        token = new_token(RESET_PREFIX)
        proofs.add_reset(conn, fingerprint(token), account.user_id, row.created_ms, row.expires_ms)
        tools.mail.put(
            conn,
            account.email,
            "password_reset",
            account.language,
            (now_ms, row.expires_ms),
            link=tools.link_to("reset", token),
            minutes=str(LIVES_MS // 60_000),
        )

    async def reset(self, token: str, new_password: str) -> int:
        """Set the password by the token of a mail, once; returns how many sessions ended.

        Raises:
            CodeWrong: the token is wrong, used, or out of date.
            PasswordWeak, PasswordBreached: see there; the token is good still.
        """
        tools = self._tools
        async with tools.database.read() as view:
            user_id = await view.run(proofs.find_reset, fingerprint(token), tools.clock_ms())
            account = None if user_id is None else await view.run(accounts.find, user_id)
        if account is None:
            raise CodeWrong
        await tools.require_good_password("new_password", new_password, email=account.email or "")
        hashed = await tools.passwords.hash(new_password)
        async with tools.database.write() as transaction:
            ended = await transaction.run(self._reset, token, hashed)
        if ended is None:
            raise CodeWrong
        return ended

    def _reset(self, conn: Connection, token: str, hashed: str) -> int | None:
        now_ms = self._tools.clock_ms()
        user_id = proofs.take_reset(conn, fingerprint(token), now_ms)
        account = None if user_id is None else accounts.lock(conn, user_id)
        if account is None or not account.active:
            return None
        ended = set_password(conn, account, hashed, now_ms, by_reset=True)
        passkeys, links = still_open(conn, account.user_id, self._providers)
        self._tools.mail.notice(
            conn,
            account.email,
            "password_was_reset",
            account.language,
            now_ms,
            passkeys=_listed(passkeys),
            links=_listed(links),
        )
        return ended


def _listed(names: Iterable[str]) -> str:
    """For a mail in any language. Line breaks go: a name is no paragraph of ours."""
    return "; ".join(" ".join(name.split()) for name in names) or "–"
