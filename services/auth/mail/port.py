"""The port: from a written mail to whoever carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person.

    Attributes:
        mail_id: the same at every attempt: the `Message-ID` is made of it, so that a repeat is recognised.
    """

    mail_id: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class MailUnavailable(Exception):
    """Nobody takes the mail now; another attempt may succeed."""


class MailRefused(Exception):
    """The mail will never be taken: the address does not exist, for example."""


class Mailer(Protocol):
    """Carries mails."""

    async def send(self, mail: Mail) -> None:
        """Return once somebody else is responsible for the mail.

        Raises:
            MailUnavailable: try again.
            MailRefused: do not.
        """
        ...
