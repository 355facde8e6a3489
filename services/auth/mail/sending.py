"""The background task that sends what is queued."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from services.auth.mail.outbox import RESET_ASKED, MailOutbox
from services.auth.mail.port import Mail, Mailer, MailRefused, MailUnavailable
from services.auth.mail.templates import written
from services.auth.store import mails
from services.auth.store.mails import QUEUED, MailRow
from services.auth.vault import SealBroken
from services.chassis.database import Database

ROLE = "auth-mails"
BATCH = 20
POLL_S = 2.0
"""Seconds between looks for mails of other processes, and for those that failed; one's own are seen at once.
"""
FIRST_PAUSE_MS = 2_000
LONGEST_PAUSE_MS = 15 * 60_000

ResetAsked = Callable[[MailRow], Awaitable[None]]
"""Handles a `RESET_ASKED` row: replaces it by a mail, or removes it."""

_log = structlog.get_logger(__name__)


class MailSender:
    """Sends mails, one process at a time. A mail leaves the table once somebody else is responsible for it.

    A crash between the two sends it twice, with the same Message-ID.
    """

    name = "mails"

    def __init__(
        self,
        database: Database,
        outbox: MailOutbox,
        mailer: Mailer,
        clock_ms: Callable[[], int],
        reset_asked: ResetAsked,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._mailer = mailer
        self._clock_ms = clock_ms
        self._reset_asked = reset_asked
        self._queued = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(QUEUED, self._queued.set)
        try:
            while True:
                async with self._database.leadership(ROLE) as lease:
                    while lease is not None and lease.held():
                        self._queued.clear()
                        if not await self.send_due():
                            await self._wait()
                await asyncio.sleep(POLL_S)
        finally:
            unsubscribe()

    async def send_due(self) -> int:
        """One round; returns how many rows were looked at."""
        async with self._database.read() as view:
            rows = await view.run(mails.due, self._clock_ms(), BATCH)
        for row in rows:
            await self._handle(row)
        return len(rows)

    async def _handle(self, row: MailRow) -> None:
        if row.expires_ms <= self._clock_ms():
            _log.warning("mail_given_up", template=row.template, attempts=row.attempts)
            await self._remove(row)
        elif row.template == RESET_ASKED:
            await self._reset_asked(row)
        else:
            await self._send(row)

    async def _send(self, row: MailRow) -> None:
        try:
            await self._mailer.send(self._written(row))
        except MailUnavailable as error:
            _log.warning("mail_waits", template=row.template, attempts=row.attempts + 1, error=str(error))
            await self._postpone(row)
        except (MailRefused, SealBroken) as error:
            _log.warning("mail_refused", template=row.template, error=str(error))
            await self._remove(row)
        else:
            await self._remove(row)

    def _written(self, row: MailRow) -> Mail:
        words = written(row.template, row.language, self._outbox.parameters(row.parameters))
        return Mail(
            f"{row.created_ms:x}.{row.mail_pk:x}", row.recipient, words.subject, words.text, words.html
        )

    async def _remove(self, row: MailRow) -> None:
        async with self._database.write() as transaction:
            await transaction.run(mails.remove, row.mail_pk)

    async def _postpone(self, row: MailRow) -> None:
        pause_ms = min(FIRST_PAUSE_MS << min(row.attempts, 20), LONGEST_PAUSE_MS)
        async with self._database.write() as transaction:
            await transaction.run(mails.postpone, row.mail_pk, self._clock_ms() + pause_ms)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._queued.wait()
