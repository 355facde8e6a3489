"""The tables that the profile service owns, a module for each concern."""

from services.profile.tables import gear as _gear  # noqa: F401 - adds its tables
from services.profile.tables.base import metadata
from services.profile.tables.privacy import privacy, privacy_rules, privacy_zones
from services.profile.tables.profiles import (
    answers,
    avatars,
    handles,
    physiology,
    physiology_versions,
    profiles,
)

__all__ = [
    "answers",
    "avatars",
    "handles",
    "metadata",
    "physiology",
    "physiology_versions",
    "privacy",
    "privacy_rules",
    "privacy_zones",
    "profiles",
]
