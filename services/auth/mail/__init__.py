"""Mails: written in the transaction that causes them, sent by a background task, never lost and never waited
for.
"""

from services.auth.mail.port import Mail, Mailer, MailRefused, MailUnavailable

__all__ = ["Mail", "MailRefused", "MailUnavailable", "Mailer"]
