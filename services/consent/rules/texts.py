"""What people are told before they agree: data files with versions and languages, checked when read.

A text is made of two parts, each with versions of its own: what a purpose is, in every jurisdiction alike,
and what the law of a jurisdiction adds. "EU/2.1" is the second version of the purpose and the first of the
EU's part. A version says of itself whether it changes the substance: if so, whoever agreed to an older one is
asked again; if it is editorial, they are not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Generic, Literal, Self, TypeVar

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.jurisdictions import Jurisdictions, jurisdictions
from services.consent.rules.purposes import DATA_CATEGORIES, name_of, purpose_of

LANGUAGES = ("en", "ru", "de", "pt-BR")
"""In which every text exists; the first one where nothing better is known."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Data):
    """A purpose in one language."""

    title: str = Field(min_length=3, max_length=100)
    what: str = Field(min_length=20, max_length=1000)
    why: str = Field(min_length=20, max_length=1000)
    who_receives: str = Field(min_length=10, max_length=1000)
    how_long: str = Field(min_length=10, max_length=1000)
    how_to_withdraw: str = Field(min_length=10, max_length=1000)


class Rights(_Data):
    """What a law adds in one language; `notes` for single purposes."""

    rights: str = Field(min_length=20, max_length=2000)
    notes: dict[str, str] = Field(default_factory=dict)


Content = TypeVar("Content", Words, Rights)


class Version(_Data, Generic[Content]):
    """A version of a part in all languages."""

    version: int = Field(ge=1)
    effective: AwareDatetime
    change: Literal["material", "editorial"]
    languages: dict[str, Content]

    @property
    def effective_ms(self) -> int:
        """From when on it holds, Unix ms."""
        return int(self.effective.timestamp() * 1000)

    @model_validator(mode="after")
    def _all_languages(self) -> Self:
        if set(self.languages) != set(LANGUAGES):
            raise ValueError(f"a version is written in exactly: {', '.join(LANGUAGES)}")
        return self


class Part(_Data, Generic[Content]):
    """A text with its history, the first version first."""

    versions: tuple[Version[Content], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _history_is_whole(self) -> Self:
        if [each.version for each in self.versions] != list(range(1, len(self.versions) + 1)):
            raise ValueError("versions count from 1 without gaps")
        if self.versions[0].change != "material":
            raise ValueError("the first version is material")
        times = [each.effective_ms for each in self.versions]
        if times != sorted(set(times)):
            raise ValueError("each version takes effect after the one before")
        return self

    def at(self, now_ms: int) -> Version[Content]:
        """The version that holds at a time; before the first one that one."""
        return next(
            (each for each in reversed(self.versions) if each.effective_ms <= now_ms), self.versions[0]
        )

    def substance(self, version: int) -> int:
        """The version since which the substance of `version` is unchanged; 0 for one that does not exist."""
        upto = [each for each in self.versions if each.version <= version and each.change == "material"]
        return upto[-1].version if upto and version <= len(self.versions) else 0


class PurposeFile(Part[Words]):
    """A file of a purpose."""

    purpose: str


class RightsFile(Part[Rights]):
    """A file of a jurisdiction."""

    jurisdiction: str


@dataclass(frozen=True, slots=True)
class Text:
    """One text as it is shown to one person.

    Attributes:
        version: "EU/2.1".
        effective_ms: since when it holds as a whole.
        sha256: of all its words, in hexadecimal digits.
    """

    purpose: Purpose.ValueType
    jurisdiction: str
    version: str
    language: str
    effective_ms: int
    words: Words
    rights: str
    sha256: str


def parse_version(version: str) -> tuple[str, int, int] | None:
    """Jurisdiction, purpose's version and jurisdiction's version of "EU/2.1"; None for anything else."""
    jurisdiction, slash, numbers = version.partition("/")
    first, dot, second = numbers.partition(".")
    if not (slash and dot and first.isdecimal() and second.isdecimal()):
        return None
    return jurisdiction, int(first), int(second)


class Texts:
    """Every text there is."""

    def __init__(
        self, purposes: Iterable[PurposeFile], rights: Iterable[RightsFile], known: Jurisdictions
    ) -> None:
        """
        Raises:
            ValueError: a purpose or a jurisdiction has no text, or a text belongs to none.
        """
        self._purposes = {purpose_of(each.purpose): each for each in purposes}
        self._rights = {each.jurisdiction: each for each in rights}
        missing = DATA_CATEGORIES.keys() ^ self._purposes.keys()
        if missing:
            raise ValueError(f"texts and purposes differ: {', '.join(map(name_of, sorted(missing)))}")
        if set(known.names) != self._rights.keys():
            differing = set(known.names) ^ self._rights.keys()
            raise ValueError(f"texts and jurisdictions differ: {', '.join(sorted(differing))}")

    def current(self, purpose: Purpose.ValueType, jurisdiction: str, now_ms: int) -> str:
        """The version that holds now.

        Raises:
            KeyError: nobody is asked for the purpose.
        """
        own, law = self._purposes[purpose].at(now_ms), self._rights[jurisdiction].at(now_ms)
        return f"{jurisdiction}/{own.version}.{law.version}"

    def same_substance(self, purpose: Purpose.ValueType, version: str, current: str) -> bool:
        """Whether who agreed to `version` agreed to what `current` says; False across jurisdictions."""
        then, now = parse_version(version), parse_version(current)
        if then is None or now is None or then[0] != now[0]:
            return False
        own, law = self._purposes[purpose], self._rights[now[0]]
        return _same(own, then[1], now[1]) and _same(law, then[2], now[2])

    def shown(self, purpose: Purpose.ValueType, jurisdiction: str, language: str, now_ms: int) -> Text:
        """The text that holds now, in one of `LANGUAGES`.

        Raises:
            KeyError: nobody is asked for the purpose, or there is no such language.
        """
        own, law = self._purposes[purpose].at(now_ms), self._rights[jurisdiction].at(now_ms)
        words, rights = own.languages[language], law.languages[language]
        whole = " ".join(filter(None, (rights.rights, rights.notes.get(name_of(purpose)))))
        version = f"{jurisdiction}/{own.version}.{law.version}"
        return Text(
            purpose=purpose,
            jurisdiction=jurisdiction,
            version=version,
            language=language,
            effective_ms=max(own.effective_ms, law.effective_ms),
            words=words,
            rights=whole,
            sha256=_digest(purpose, version, language, words, whole),
        )


def _same(part: Part[Words] | Part[Rights], then: int, now: int) -> bool:
    substance = part.substance(then)
    return substance != 0 and substance == part.substance(now)


def _digest(purpose: Purpose.ValueType, version: str, language: str, words: Words, rights: str) -> str:
    document = {
        "purpose": name_of(purpose),
        "version": version,
        "language": language,
        "your_rights": rights,
        **words.model_dump(),
    }
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def negotiate(wanted: Sequence[str]) -> str:
    """The language of `LANGUAGES` that fits best: by tag, else by primary language; English otherwise."""
    for tag in wanted:
        given = tag.partition(";")[0].strip().replace("_", "-").lower()
        for language in LANGUAGES:
            if given == language.lower():
                return language
        for language in LANGUAGES:
            if given.partition("-")[0] == language.lower().partition("-")[0]:
                return language
    return LANGUAGES[0]


@cache
def texts() -> Texts:
    """The texts of the package's data files.

    Raises:
        ValueError: a file is not as it must be.
    """
    folder = files("services.consent") / "data" / "texts"
    laws = folder / "rights"
    return Texts(
        [
            PurposeFile.model_validate(_load(each.read_text("utf-8")))
            for each in folder.iterdir()
            if _is_data(each.name)
        ],
        [
            RightsFile.model_validate(_load(each.read_text("utf-8")))
            for each in laws.iterdir()
            if _is_data(each.name)
        ],
        jurisdictions(),
    )


def _is_data(name: str) -> bool:
    return name.endswith(".yaml")


def _load(text: str) -> Mapping[str, object]:
    loaded: Mapping[str, object] = yaml.safe_load(text)
    return loaded
