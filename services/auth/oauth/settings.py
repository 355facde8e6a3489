"""What operators may change of the OAuth 2 provider."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class OAuthSettings(BaseSettings):
    """Settings of the OAuth 2 provider, from variables that begin with ``PULSEMESH_OAUTH_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_OAUTH_", extra="ignore", frozen=True)

    service_clients_file: Path | None = Field(
        default=None,
        description="JSON file of services that get tokens by client credentials: "
        '{"<name>": {"secret_sha256": "<hexadecimal>", "scopes": ["workout.read"], "introspects": false}}.',
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses of gateways, separated by commas, whose X-Forwarded-For is believed.",
    )
