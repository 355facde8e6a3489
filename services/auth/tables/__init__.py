"""The tables that the auth service owns, a module for each concern."""

from services.auth.tables.accounts import (
    accounts,
    email_changes,
    mails,
    password_resets,
    refresh_tokens,
    revocations,
    sessions,
    sign_in_challenges,
    sign_ups,
    signing_keys,
    throttles,
)
from services.auth.tables.base import metadata

__all__ = [
    "accounts",
    "email_changes",
    "mails",
    "metadata",
    "password_resets",
    "refresh_tokens",
    "revocations",
    "sessions",
    "sign_in_challenges",
    "sign_ups",
    "signing_keys",
    "throttles",
]
