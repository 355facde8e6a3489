"""What operators may change of the workout service."""

from __future__ import annotations

from pydantic import Field, PositiveFloat
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkoutSettings(BaseSettings):
    """Settings of the workout domain, from variables that begin with ``PULSEMESH_WORKOUT_``."""

    model_config = SettingsConfigDict(env_prefix="PULSEMESH_WORKOUT_", extra="ignore", frozen=True)

    abandoned_after_h: PositiveFloat = Field(
        default=24.0,
        description="Hours without a sample after which an open recording is closed for its writer.",
    )
    housekeeping_every_s: PositiveFloat = Field(
        default=60.0, description="Seconds between two looks for abandoned recordings and outdated answers."
    )
    answers_kept_h: PositiveFloat = Field(
        default=24.0, description="Hours for which a repeated request is given its first answer."
    )
