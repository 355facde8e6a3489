"""Who sees what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.profile.v1 import privacy_pb2 as p
from services.chassis.privacy import DEFAULTS, EVERYTHING, MYSELF, NEEDS, NOTHING, STRANGER, Relation, decide
from tests.fixtures import worlds

AUDIENCES = [
    (p.AUDIENCE_ONLY_ME, ()),
    (p.AUDIENCE_GROUPS, ("member", "both")),
    (p.AUDIENCE_FOLLOWERS, ("follower", "both")),
    (p.AUDIENCE_FOLLOWERS_AND_GROUPS, ("follower", "member", "both")),
    (p.AUDIENCE_EVERYONE, ("stranger", "follower", "member", "both")),
]
PEOPLE = {
    "stranger": STRANGER,
    "follower": Relation(follower=True),
    "member": Relation(shares_group=True),
    "both": Relation(follower=True, shares_group=True),
    "blocked": Relation(follower=True, shares_group=True, blocked=True),
}


def chosen(**audiences: p.Audience.ValueType) -> p.PrivacySettings:
    rules = [
        p.AspectRule(aspect=p.Aspect.Value(f"ASPECT_{name.upper()}"), audience=audience)
        for name, audience in audiences.items()
    ]
    return p.PrivacySettings(rules=rules)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize(("audience", "admitted"), AUDIENCES)
def test_an_audience_is_who_it_says(
    audience: p.Audience.ValueType, admitted: tuple[str, ...], person: str
) -> None:
    seen = decide(chosen(workouts=audience), PEOPLE[person])
    assert seen.shows(p.ASPECT_WORKOUTS) == (person in admitted)


def test_whoever_never_chose_shows_strangers_nothing() -> None:
    assert decide(p.PrivacySettings(), STRANGER).aspects == frozenset()


def test_whoever_never_chose_shows_followers_nothing_of_the_body() -> None:
    body = {p.ASPECT_HEART_RATE, p.ASPECT_POWER, p.ASPECT_MEDICAL, p.ASPECT_WEIGHT, p.ASPECT_PHYSIOLOGY}
    assert not decide(p.PrivacySettings(), Relation(follower=True)).aspects & body


def test_settings_that_cannot_be_known_show_nothing_but_to_oneself() -> None:
    assert decide(None, Relation(follower=True)) == NOTHING
    assert decide(None, MYSELF) == EVERYTHING


def test_an_unknown_audience_hides() -> None:
    settings = p.PrivacySettings(rules=[p.AspectRule(aspect=p.ASPECT_WORKOUTS, audience=99)])  # type: ignore[arg-type]
    assert not decide(settings, Relation(follower=True, shares_group=True)).shows(p.ASPECT_WORKOUTS)


def test_a_workout_can_be_private_and_another_public() -> None:
    private = p.WorkoutPrivacy(rules=chosen(workouts=p.AUDIENCE_ONLY_ME).rules)
    assert decide(chosen(workouts=p.AUDIENCE_EVERYONE), STRANGER, private).aspects == frozenset()
    public = p.WorkoutPrivacy(rules=chosen(workouts=p.AUDIENCE_EVERYONE).rules)
    assert decide(chosen(workouts=p.AUDIENCE_ONLY_ME), STRANGER, public).shows(p.ASPECT_WORKOUTS)


def test_a_workout_cannot_show_more_of_the_profile() -> None:
    override = p.WorkoutPrivacy(rules=chosen(weight=p.AUDIENCE_EVERYONE, profile=p.AUDIENCE_EVERYONE).rules)
    assert decide(p.PrivacySettings(), STRANGER, override).aspects == frozenset()


def test_where_the_pace_is_hidden_so_is_the_map() -> None:
    settings = chosen(workouts=p.AUDIENCE_EVERYONE, map=p.AUDIENCE_EVERYONE, pace=p.AUDIENCE_FOLLOWERS)
    assert not decide(settings, STRANGER).shows(p.ASPECT_MAP)


def test_a_workout_that_shows_its_map_hides_the_circles_all_the_same() -> None:
    settings = chosen(workouts=p.AUDIENCE_EVERYONE)
    settings.circles.add(latitude_deg=1, longitude_deg=2, radius_m=400)
    override = p.WorkoutPrivacy(rules=chosen(map=p.AUDIENCE_EVERYONE).rules)
    assert len(decide(settings, STRANGER, override).circles) == 1


@given(worlds.settings(), worlds.RELATIONS)
def test_nothing_is_seen_without_what_it_needs(settings: p.PrivacySettings, relation: Relation) -> None:
    seen = decide(settings, relation).aspects
    assert all(NEEDS.get(aspect, frozenset()) <= seen for aspect in seen)


@given(worlds.settings(), st.sampled_from(sorted(DEFAULTS)))
def test_who_is_nearer_sees_no_less(settings: p.PrivacySettings, aspect: p.Aspect.ValueType) -> None:
    seen = [decide(settings, PEOPLE[person]).shows(aspect) for person in ("stranger", "follower", "both")]
    assert seen == sorted(seen)
