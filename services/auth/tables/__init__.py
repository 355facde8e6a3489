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
from services.auth.tables.factors import (
    ceremonies,
    passkeys,
    provider_attempts,
    provider_links,
    provider_sign_ups,
    recovery_codes,
    second_factors,
)
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
    "ceremonies",
    "email_changes",
    "mails",
    "metadata",
    "oauth_apps",
    "oauth_browsers",
    "oauth_codes",
    "oauth_device_grants",
    "oauth_grants",
    "passkeys",
    "password_resets",
    "provider_attempts",
    "provider_links",
    "provider_sign_ups",
    "recovery_codes",
    "refresh_tokens",
    "revocations",
    "second_factors",
    "sessions",
    "sign_in_challenges",
    "sign_ups",
    "signing_keys",
    "staff_grants",
    "throttles",
]
