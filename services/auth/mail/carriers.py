"""The adapters of `Mailer`: a mail server, and a folder for development."""

from __future__ import annotations

import asyncio
import os
import re
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Literal

import aiosmtplib

from services.auth.mail.port import Mail, MailRefused, MailUnavailable

TIMEOUT_S = 30.0
_PERMANENT = 500


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it travels: plain text, with HTML beside it."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message = EmailMessage(policy=SMTP if mail.recipient.isascii() else SMTPUTF8)
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{mail.mail_id}@{domain}>"
    # Out-of-office notices and mailing lists leave such mails alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


class FolderMailer:
    """Writes .eml files, readable by their owner alone."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        name = re.sub(r"[^A-Za-z0-9@._+-]", "_", f"{mail.mail_id}-{mail.recipient}.eml")
        content = message_of(mail, self._sender).as_bytes()
        draft = self._folder / f".{name}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
            draft.replace(self._folder / name)
        except OSError as error:
            raise MailUnavailable(str(error)) from error


class SmtpMailer:
    """Hands mails to a mail server, a connection each."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Literal["starttls", "tls", "none"],
        sender: str,
        user: str | None = None,
        password: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._sender = sender
        self._host = host
        self._port = port
        self._security = security
        self._user = user
        self._password = password
        self._timeout_s = timeout_s

    async def send(self, mail: Mail) -> None:
        """See `Mailer.send`."""
        try:
            await aiosmtplib.send(
                message_of(mail, self._sender),
                hostname=self._host,
                port=self._port,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                username=self._user,
                password=self._password,
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refusal.code for refusal in error.recipients]
            raise _failure(min(codes, default=0), str(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            # Only the recipient or the content can be refused for good: a server that does not let us in is
            # ours to mend.
            final = isinstance(error, aiosmtplib.SMTPDataError)
            raise _failure(error.code if final else 0, str(error)) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailUnavailable(str(error)) from error


def _failure(code: int, text: str) -> Exception:
    return MailRefused(text) if code >= _PERMANENT else MailUnavailable(text)
