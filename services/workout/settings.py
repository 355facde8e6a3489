"""What operators may change of the workout service."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt
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
    heartbeat_interval_s: PositiveFloat = Field(
        default=10.0,
        description="Seconds of silence after which an ingest client says that it is alive; after three "
        "times as long either side gives the call up.",
    )
    ingest_credit: PositiveInt = Field(
        default=16,
        description="Batches that an ingest client may have on their way, unacknowledged.",
    )
    answers_kept_h: PositiveFloat = Field(
        default=24.0, description="Hours for which a repeated request is given its first answer."
    )
