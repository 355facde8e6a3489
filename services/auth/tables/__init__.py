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
from services.auth.tables.oauth import (
    api_keys,
    oauth_apps,
    oauth_browsers,
    oauth_codes,
    oauth_device_grants,
    oauth_grants,
)
from services.auth.tables.staff import staff_grants

__all__ = [
    "accounts",
    "api_keys",
    "email_changes",
    "mails",
    "metadata",
    "oauth_apps",
    "oauth_browsers",
    "oauth_codes",
    "oauth_device_grants",
    "oauth_grants",
    "password_resets",
    "refresh_tokens",
    "revocations",
    "sessions",
    "sign_in_challenges",
    "sign_ups",
    "signing_keys",
    "staff_grants",
    "throttles",
]
