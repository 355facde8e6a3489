"""What programs can find out about the provider (RFC 8414)."""

from __future__ import annotations

from typing import Any

from services.auth.oauth import pkce
from services.auth.oauth.clients import GRANTS
from services.auth.scopes import THIRD_PARTY_SCOPES


def metadata_document(issuer: str) -> dict[str, Any]:
    """The document of the authorisation server whose pages lie below `issuer`."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": sorted(THIRD_PARTY_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": [pkce.METHOD],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "ui_locales_supported": ["en", "ru"],
        "service_documentation": "docs/oauth.md",
    }
