"""Texts: complete, versioned, in the right language, and new in substance only where they say so."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.rules.texts import LANGUAGES, PurposeFile, Texts, negotiate, parse_version, texts

NOW_MS = 1_795_000_000_000
HEALTH = Purpose.PURPOSE_HEALTH_DATA
FIRST = "2026-11-01T00:00:00Z"


def file_with(*versions: tuple[int, str, str]) -> PurposeFile:
    """The health file with a history of (version, effective, change)."""
    original = texts()._purposes[HEALTH].model_dump()
    original["versions"] = [
        copy.deepcopy(original["versions"][0]) | {"version": number, "effective": effective, "change": change}
        for number, effective, change in versions
    ]
    return PurposeFile.model_validate(original)


def texts_with(*versions: tuple[int, str, str]) -> Texts:
    shipped: Any = texts()
    others = [each for purpose, each in shipped._purposes.items() if purpose != HEALTH]
    return Texts([*others, file_with(*versions)], shipped._rights.values(), jurisdictions())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rules", ["EU", "UK", "US", "US-CA", "BR", "RU", "DEFAULT"])
def test_every_purpose_has_a_text_in_every_language_and_jurisdiction(language: str, rules: str) -> None:
    shown = [texts().shown(purpose, rules, language, NOW_MS) for purpose in DATA_CATEGORIES]
    assert len({text.sha256 for text in shown}) == len(shown)
    assert all(text.rights and text.version == f"{rules}/1.1" for text in shown)


def test_languages_are_not_copies_of_each_other() -> None:
    for purpose in DATA_CATEGORIES:
        assert len({texts().shown(purpose, "EU", each, NOW_MS).words.what for each in LANGUAGES}) == 4


def test_a_version_holds_from_its_effective_date_on() -> None:
    changed = texts_with((1, FIRST, "material"), (2, "2027-01-01T00:00:00Z", "material"))
    assert changed.current(HEALTH, "EU", NOW_MS) == "EU/1.1"
    assert changed.current(HEALTH, "EU", NOW_MS + 60 * 86_400_000) == "EU/2.1"


def test_a_material_change_is_another_substance_and_an_editorial_one_is_not() -> None:
    changed = texts_with(
        (1, FIRST, "material"),
        (2, "2026-11-02T00:00:00Z", "editorial"),
        (3, "2026-11-03T00:00:00Z", "material"),
    )
    assert changed.same_substance(HEALTH, "EU/1.1", "EU/2.1")
    assert not changed.same_substance(HEALTH, "EU/2.1", "EU/3.1")


def test_another_jurisdictions_text_is_another_substance() -> None:
    assert not texts().same_substance(HEALTH, "UK/1.1", "EU/1.1")


@pytest.mark.parametrize(
    "versions",
    [
        ((2, FIRST, "material"),),
        ((1, FIRST, "editorial"),),
        ((1, FIRST, "material"), (2, FIRST, "material")),
        ((1, FIRST, "material"), (3, "2027-01-01T00:00:00Z", "material")),
    ],
)
def test_a_history_with_a_hole_is_refused(versions: tuple[tuple[int, str, str], ...]) -> None:
    with pytest.raises(ValidationError):
        file_with(*versions)


def test_a_missing_language_is_refused() -> None:
    original = texts()._purposes[HEALTH].model_dump()
    del original["versions"][0]["languages"]["ru"]
    with pytest.raises(ValidationError, match="pt-BR"):
        PurposeFile.model_validate(original)


def test_a_purpose_without_a_text_is_refused() -> None:
    shipped: Any = texts()
    with pytest.raises(ValueError, match="health_data"):
        Texts(
            [each for purpose, each in shipped._purposes.items() if purpose != HEALTH],
            shipped._rights.values(),
            jurisdictions(),
        )


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ([], "en"),
        (["pt-BR"], "pt-BR"),
        (["pt"], "pt-BR"),
        (["de-AT", "en"], "de"),
        (["fr", "ru_RU;q=0.5"], "ru"),
        (["tlh"], "en"),
    ],
)
def test_the_language_that_fits_best_is_taken(wanted: list[str], language: str) -> None:
    assert negotiate(wanted) == language


@given(st.text(max_size=20))
def test_any_text_is_a_version_or_not(text: str) -> None:
    parsed = parse_version(text)
    assert parsed is None or parsed[1] >= 0


@given(st.text(max_size=12), st.text(max_size=12))
def test_arbitrary_versions_never_count_as_agreed(first: str, second: str) -> None:
    if texts().same_substance(HEALTH, first, second):
        assert first.startswith(second.partition("/")[0])
