"""What there is to be seen of a person, who sees it unless told otherwise, and what hides what. Data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from pulsemesh.profile.v1 import privacy_pb2 as wire

Aspect: TypeAlias = wire.Aspect.ValueType
Audience: TypeAlias = wire.Audience.ValueType

DEFAULTS: Final[Mapping[Aspect, Audience]] = {
    wire.ASPECT_PROFILE: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_AVATAR: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_BIO: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_PLACE: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_AGE: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_SEX: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_WEIGHT: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_HEIGHT: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_PHYSIOLOGY: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_WORKOUTS: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_MAP: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_START_TIME: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_HEART_RATE: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_POWER: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_MEDICAL: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_PACE: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_NOTES: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_PHOTOS: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_GEAR: wire.AUDIENCE_ONLY_ME,
    wire.ASPECT_RECORDS: wire.AUDIENCE_FOLLOWERS,
    wire.ASPECT_LIVE: wire.AUDIENCE_ONLY_ME,
}
"""Who was not let in sees nothing (GDPR article 25(2)), and nobody at all sees the body."""

WORKOUT_ASPECTS: Final = frozenset(aspect for aspect in DEFAULTS if aspect >= wire.ASPECT_WORKOUTS)
"""What a single workout's owner may choose for that workout."""

NEEDS: Final[Mapping[Aspect, frozenset[Aspect]]] = {
    **{
        aspect: frozenset({wire.ASPECT_PROFILE})
        for aspect in DEFAULTS
        if wire.ASPECT_PROFILE < aspect < wire.ASPECT_WORKOUTS and aspect != wire.ASPECT_PHYSIOLOGY
    },
    **{aspect: frozenset({wire.ASPECT_WORKOUTS}) for aspect in WORKOUT_ASPECTS - {wire.ASPECT_WORKOUTS}},
    # Positions with times are a pace.
    wire.ASPECT_MAP: frozenset({wire.ASPECT_WORKOUTS, wire.ASPECT_PACE}),
    # Who watches knows what time it is.
    wire.ASPECT_LIVE: frozenset({wire.ASPECT_WORKOUTS, wire.ASPECT_START_TIME}),
}
"""An aspect is hidden while one that it needs is: what follows from something hidden is hidden, too."""
