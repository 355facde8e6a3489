"""What operators may change of the consent service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveFloat
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConsentSettings(BaseSettings):
    """Settings of the consent domain, from variables that begin with ``PULSEMESH_CONSENT_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_CONSENT_", extra="ignore", frozen=True)

    controller: str = Field(
        default="Pulsemesh",
        min_length=1,
        description="Who answers for the data (the controller): named in every receipt.",
    )
    controller_contact: str = Field(
        default="privacy@pulsemesh.invalid",
        min_length=1,
        description="How people reach the controller: an e-mail address or a page; named in every receipt.",
    )
    receipt_key_file: Path | None = Field(
        default=None,
        description="File of the key (a private JWK, Ed25519) that signs receipts; absent: made in the data "
        "directory. All processes of the domain need the same.",
    )
    answers_kept_h: PositiveFloat = Field(
        default=24.0, description="Hours for which a repeated request is given its first answer."
    )
    erasure_grace_h: float = Field(
        default=24.0,
        ge=0,
        le=720,
        description="Hours for which an erasure that was asked for can be taken back.",
    )
    erasure_settling_s: float = Field(
        default=5.0,
        ge=0,
        description="Seconds between the end of a person's sessions and the erasure of the rest, for every "
        "process to hear of the end.",
    )
    rights_poll_s: PositiveFloat = Field(
        default=5.0, description="Seconds between looks for people's requests that are due."
    )
    exports_kept_h: PositiveFloat = Field(
        default=168.0, description="Hours for which the archive of an export can be fetched."
    )
    feed_poll_s: PositiveFloat = Field(
        default=0.4,
        le=0.9,
        description="Seconds between looks for what other processes of the domain changed. Whoever watches "
        "hears of it no later, and within a second in all.",
    )
