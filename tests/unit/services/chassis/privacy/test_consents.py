"""Whoever does not allow a use of data is not shown by it, whatever the settings say."""

from __future__ import annotations

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.profile.v1 import privacy_pb2 as p
from services.chassis.consent import ClosedConsentGate, DevelopmentConsentGate
from services.chassis.privacy import DEFAULTS, MYSELF, STRANGER, decide, refused_by, withheld

ALL = p.PrivacySettings(
    rules=[p.AspectRule(aspect=aspect, audience=p.AUDIENCE_EVERYONE) for aspect in DEFAULTS]
)


def seen_without(purpose: Purpose.ValueType) -> frozenset[p.Aspect.ValueType]:
    return decide(ALL, STRANGER, withheld=withheld(frozenset({purpose}))).aspects


def test_without_the_consent_to_be_seen_nobody_is() -> None:
    assert seen_without(Purpose.PURPOSE_SOCIAL_VISIBILITY) == frozenset()


def test_without_the_consent_to_health_data_nothing_of_the_body_is_seen() -> None:
    seen = seen_without(Purpose.PURPOSE_HEALTH_DATA)
    assert not seen & {p.ASPECT_HEART_RATE, p.ASPECT_POWER, p.ASPECT_MEDICAL, p.ASPECT_WEIGHT}
    assert p.ASPECT_MAP in seen


def test_without_the_consent_to_precise_location_no_map_is_seen() -> None:
    seen = seen_without(Purpose.PURPOSE_PRECISE_LOCATION)
    assert p.ASPECT_MAP not in seen
    assert p.ASPECT_HEART_RATE in seen


def test_people_see_themselves_whatever_they_refuse() -> None:
    assert decide(ALL, MYSELF, withheld=frozenset(DEFAULTS)).aspects == frozenset(DEFAULTS)


async def test_while_consents_cannot_be_known_nothing_is_seen() -> None:
    refused = await refused_by(ClosedConsentGate(), "eu_ann")
    assert withheld(refused) == frozenset(DEFAULTS)


async def test_what_is_allowed_is_not_withheld() -> None:
    assert await refused_by(DevelopmentConsentGate(development=True), "eu_ann") == frozenset()
