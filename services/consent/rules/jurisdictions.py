"""Whose law holds for a person, and what it says: data files, checked when they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.purposes import DATA_CATEGORIES, name_of

Mode = Literal["opt_in", "opt_out"]
Basis = Literal["consent", "explicit_consent", "legitimate_interest"]

DEFAULT = "DEFAULT"
"""The rules of whoever has not said where they live, and of countries whose law we do not know."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(_Data):
    """A statement and the law that it is taken from."""

    source: str = Field(min_length=3)


class Age(Sourced):
    """Years of age from which a person consents alone."""

    years: int = Field(ge=10, le=21)


class Required(Sourced):
    """Whether something is demanded."""

    required: bool


class Transfer(Sourced):
    """On what a transfer abroad rests."""

    basis: str = Field(min_length=3)


class Sensitive(Sourced):
    """How special categories of data are handled."""

    handling: str = Field(min_length=3)


class Retention(Sourced):
    """How long receipts are kept after a person has gone."""

    receipt_years: int = Field(ge=1, le=30)


class Terms(Sourced):
    """How a purpose may be used unless it says otherwise for itself."""

    mode: Mode
    basis: Basis


class PurposeTerms(Sourced):
    """How one purpose differs from the defaults."""

    mode: Mode | None = None
    basis: Basis | None = None
    renew_after_days: int = Field(default=0, ge=0, le=3650)
    offered: bool = True


class Rules(_Data):
    """The rules of one jurisdiction.

    Attributes:
        name: as receipts and texts call it: "EU".
        countries: by ISO 3166-1 code, with the age of consent in each.
        regions: only in these regions of its countries; empty: in all.
    """

    name: str = Field(pattern=r"^[A-Z][A-Z-]{1,15}$")
    law: str = Field(min_length=3)
    age_of_consent: Age
    countries: dict[str, Age]
    regions: tuple[str, ...] = ()
    parental_consent: Required
    residency: Required
    transfer: Transfer
    sensitive: Sensitive
    retention: Retention
    defaults: Terms
    purposes: dict[str, PurposeTerms]

    @model_validator(mode="after")
    def _purposes_exist(self) -> Self:
        unknown = self.purposes.keys() - {name_of(purpose) for purpose in DATA_CATEGORIES}
        if unknown:
            raise ValueError(f"{self.name}: there are no such purposes: {', '.join(sorted(unknown))}")
        codes = [
            code for code in self.countries if len(code) != 2 or not code.isalpha() or not code.isupper()
        ]
        if codes:
            raise ValueError(f"{self.name}: not country codes: {', '.join(codes)}")
        return self


@dataclass(frozen=True, slots=True)
class PurposeRules:
    """What holds for one purpose in one jurisdiction.

    Attributes:
        renew_after_days: after which a grant has to be given again; 0: never.
    """

    mode: Mode
    basis: Basis
    renew_after_days: int
    offered: bool
    source: str


class Jurisdictions:
    """All rules, and which of them hold for whom."""

    def __init__(self, rules: Iterable[Rules]) -> None:
        """
        Raises:
            ValueError: names are not unique, the default is missing, or two claim one place.
        """
        self._by_name: dict[str, Rules] = {}
        self._by_place: dict[tuple[str, str], Rules] = {}
        for each in rules:
            if each.name in self._by_name:
                raise ValueError(f"two rules are called {each.name}")
            self._by_name[each.name] = each
            self._claim(each)
        if DEFAULT not in self._by_name:
            raise ValueError("the default rules are missing")

    def _claim(self, rules: Rules) -> None:
        for country in rules.countries:
            for region in rules.regions or ("",):
                other = self._by_place.setdefault((country, region), rules)
                if other is not rules:
                    raise ValueError(f"{rules.name} and {other.name} both claim {country}-{region}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all rules."""
        return tuple(self._by_name)

    def named(self, name: str) -> Rules:
        """The rules of that name.

        Raises:
            KeyError: there are none.
        """
        return self._by_name[name]

    def of(self, country: str, region: str = "") -> Rules:
        """The rules that hold in a place; the default where the country is unknown or has none of its own."""
        found = self._by_place.get((country, region)) or self._by_place.get((country, ""))
        return found or self._by_name[DEFAULT]


def age_of_consent(rules: Rules, country: str) -> int:
    """Years of age from which a person of that country consents alone."""
    return rules.countries.get(country, rules.age_of_consent).years


def purpose_rules(rules: Rules, purpose: Purpose.ValueType) -> PurposeRules:
    """What holds for a purpose; one that nobody is asked for is not offered."""
    own = rules.purposes.get(name_of(purpose))
    defaults = rules.defaults
    return PurposeRules(
        mode=(own and own.mode) or defaults.mode,
        basis=(own and own.basis) or defaults.basis,
        renew_after_days=own.renew_after_days if own else 0,
        offered=purpose in DATA_CATEGORIES and (own is None or own.offered),
        source=own.source if own else defaults.source,
    )


@cache
def jurisdictions() -> Jurisdictions:
    """The rules of the package's data files.

    Raises:
        ValueError: a file is not as it must be.
    """
    folder = files("services.consent") / "data" / "jurisdictions"
    read = sorted(each.name for each in folder.iterdir() if each.name.endswith(".yaml"))
    return Jurisdictions(Rules.model_validate(_load((folder / name).read_text("utf-8"))) for name in read)


def _load(text: str) -> Mapping[str, object]:
    loaded: Mapping[str, object] = yaml.safe_load(text)
    return loaded
