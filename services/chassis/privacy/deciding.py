"""The privacy function: from what a person chose, and who looks, to what is seen. Pure.

Everything that leaves a domain for another person goes through a `View`. Nothing else decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulsemesh.profile.v1 import privacy_pb2 as wire
from services.chassis.privacy.aspects import DEFAULTS, NEEDS, WORKOUT_ASPECTS, Aspect, Audience
from services.chassis.privacy.relations import Relation


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle out of which nothing is seen."""

    latitude_deg: float
    longitude_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class View:
    """What one person sees of another; equal views see the same.

    Attributes:
        aspects: what is visible at all.
        circles: where nothing is.
    """

    aspects: frozenset[Aspect]
    circles: tuple[Circle, ...] = ()

    def shows(self, *aspects: Aspect) -> bool:
        """True where all of these are visible."""
        return self.aspects.issuperset(aspects)


EVERYTHING = View(frozenset(DEFAULTS))
"""What a person sees of themselves."""

NOTHING = View(frozenset())


def decide(
    settings: wire.PrivacySettings | None,
    relation: Relation,
    override: wire.WorkoutPrivacy | None = None,
    withheld: frozenset[Aspect] = frozenset(),
) -> View:
    """What somebody in that relation sees.

    Args:
        settings: None where they cannot be known: then nobody but the person sees anything.
        override: of the workout that is looked at.
        withheld: shown to nobody else, whatever the settings say: see `consents`.
    """
    if relation.myself:
        return EVERYTHING
    if settings is None or relation.blocked:
        return NOTHING
    audiences = audiences_of(settings, override)
    allowed = {aspect for aspect, audience in audiences.items() if _admits(audience, relation)} - withheld
    # Needs may need something themselves: what one pass takes away, the next may miss.
    while lacking := {aspect for aspect in allowed if not NEEDS.get(aspect, frozenset()) <= allowed}:
        allowed -= lacking
    circles = tuple(sorted(_circles(settings), key=lambda each: (each.latitude_deg, each.longitude_deg)))
    return View(frozenset(allowed), circles)


def audiences_of(
    settings: wire.PrivacySettings, override: wire.WorkoutPrivacy | None = None
) -> Mapping[Aspect, Audience]:
    """For every aspect who may see it: by the workout, else by the settings, else by default.

    A rule of an aspect that the code does not know says nothing; one with an unknown audience hides.
    """
    audiences = dict(DEFAULTS)
    audiences.update((rule.aspect, rule.audience) for rule in settings.rules if rule.aspect in DEFAULTS)
    if override is not None:
        audiences.update(
            (rule.aspect, rule.audience) for rule in override.rules if rule.aspect in WORKOUT_ASPECTS
        )
    return audiences


def _admits(audience: Audience, relation: Relation) -> bool:
    match audience:
        case wire.AUDIENCE_EVERYONE:
            return True
        case wire.AUDIENCE_FOLLOWERS:
            return relation.follower
        case wire.AUDIENCE_GROUPS:
            return relation.shares_group
        case wire.AUDIENCE_FOLLOWERS_AND_GROUPS:
            return relation.follower or relation.shares_group
    return False


def _circles(settings: wire.PrivacySettings) -> list[Circle]:
    return [Circle(each.latitude_deg, each.longitude_deg, each.radius_m) for each in settings.circles]
