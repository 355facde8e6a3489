"""What the use cases of accounts stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.auth.breaches import BreachedPasswords
from services.auth.errors import PasswordBreached
from services.auth.mail.outbox import MailOutbox
from services.auth.passwords import Passwords, require_fit
from services.auth.vault import Vault
from services.chassis.database import Database


@dataclass(frozen=True)
class Tools:
    """Adapters and settings, put together by `module.py`.

    Attributes:
        cells: the other cells, and where they are.
        link: address of the pages to which mails link.
    """

    cell: str
    database: Database
    vault: Vault
    passwords: Passwords
    breaches: BreachedPasswords
    mail: MailOutbox
    clock_ms: Callable[[], int]
    cells: Mapping[str, str]
    link: str

    async def require_good_password(self, field: str, password: str, *, email: str) -> None:
        """
        Args:
            field: of the request, for the error.

        Raises:
            PasswordWeak, PasswordBreached: it is not fit to be chosen.
        """
        require_fit(field, password, email=email)
        if await self.breaches.contains(password):
            raise PasswordBreached(field)

    def link_to(self, page: str, token: str) -> str:
        """What a mail links to. The token is in the fragment: it reaches no server's log and no referrer."""
        return f"{self.link.rstrip('/')}/{page}#{token}"
