"""Writing a mail: a row in the transaction that causes it."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from services.auth.store import mails
from services.auth.vault import Vault

NOTICE_LIVES_MS = 3 * 86_400_000
"""A mail that tells of something is tried for three days; one with a code for as long as the code is good."""
RESET_ASKED = "reset_asked"
"""Not a mail: somebody asked for a reset of this address' password. Whether anything comes of it is found out
when its turn comes, so that asking costs the same for every address."""
_LABEL = "mail"


class MailOutbox:
    """Queues mails; all methods are store functions."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def notice(
        self,
        conn: Connection,
        recipient: str | None,
        template: str,
        language: str,
        now_ms: int,
        **parameters: str,
    ) -> None:
        """Tell somebody something."""
        self.put(conn, recipient, template, language, (now_ms, now_ms + NOTICE_LIVES_MS), **parameters)

    def put(
        self,
        conn: Connection,
        recipient: str | None,
        template: str,
        language: str,
        times_ms: tuple[int, int],
        **parameters: str,
    ) -> None:
        """Queue a mail; without a recipient there is none.

        Args:
            times_ms: now, and when it is of no use any more.
        """
        if recipient is None:
            return
        sealed = self._vault.seal(_LABEL, json.dumps(parameters).encode())
        mails.add(
            conn,
            recipient=recipient,
            template=template,
            language=language,
            parameters=sealed,
            times_ms=times_ms,
        )

    def parameters(self, sealed: bytes) -> dict[str, str]:
        """What was queued with a mail.

        Raises:
            SealBroken: it was sealed under a key that is gone.
        """
        opened: dict[str, str] = json.loads(self._vault.open(_LABEL, sealed))
        return opened
