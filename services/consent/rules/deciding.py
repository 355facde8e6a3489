"""Whether a purpose is allowed, from what a person said, where they live and what the texts say now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pulsemesh.consent.v1.consent_pb2 import DecisionReason
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.jurisdictions import Jurisdictions, Rules, age_of_consent, purpose_rules
from services.consent.rules.texts import Texts, parse_version

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody; the empty person is one of whom nothing is.

    Attributes:
        birth_month: "1990-07"; empty: unknown.
        version: grows with every change of their consents.
    """

    country: str = ""
    region: str = ""
    birth_month: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """The last word of a person on a purpose: agreed, or withdrawn."""

    granted: bool
    text_version: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one purpose.

    Attributes:
        until_ms: when it would be another by itself, Unix ms; None: never.
    """

    granted: bool
    reason: DecisionReason.ValueType
    until_ms: int | None = None


def of_age_ms(birth_month: str, years: int) -> int:
    """From when on somebody is that old for certain: the day is unknown, so the first of the next month."""
    year, month = int(birth_month[:4]) + years, int(birth_month[5:7]) + 1
    return int(datetime(year + month // 13, (month - 1) % 12 + 1, 1, tzinfo=UTC).timestamp() * 1000)


def may_consent(person: Person, rules: Rules, now_ms: int) -> DecisionReason.ValueType | None:
    """Why a person may not consent alone, or None when they may."""
    if not person.birth_month:
        return DecisionReason.DECISION_REASON_AGE_UNKNOWN
    if now_ms < of_age_ms(person.birth_month, age_of_consent(rules, person.country)):
        return DecisionReason.DECISION_REASON_MINOR
    return None


class Decider:
    """Decides by given rules and texts."""

    def __init__(self, jurisdictions: Jurisdictions, texts: Texts) -> None:
        self.jurisdictions = jurisdictions
        self.texts = texts

    def rules(self, person: Person) -> Rules:
        """Whose rules hold for a person."""
        return self.jurisdictions.of(person.country, person.region)

    def decide(self, person: Person, purpose: Purpose.ValueType, word: Word | None, now_ms: int) -> Decision:
        """Whether `purpose` is allowed now."""
        rules = self.rules(person)
        terms = purpose_rules(rules, purpose)
        if not terms.offered:
            return Decision(False, DecisionReason.DECISION_REASON_NOT_OFFERED)
        if word is not None and not word.granted:
            return Decision(False, DecisionReason.DECISION_REASON_WITHDRAWN)
        if word is None and terms.mode == "opt_in":
            return Decision(False, DecisionReason.DECISION_REASON_NEVER_GRANTED)
        barred = may_consent(person, rules, now_ms)
        if barred is not None:
            return Decision(False, barred)
        if word is None:
            return Decision(True, DecisionReason.DECISION_REASON_NOT_OBJECTED)
        return self._of_grant(rules, purpose, word, terms.renew_after_days, now_ms)

    def _of_grant(
        self, rules: Rules, purpose: Purpose.ValueType, word: Word, renew_after_days: int, now_ms: int
    ) -> Decision:
        then = parse_version(word.text_version)
        if then is None or then[0] != rules.name:
            return Decision(False, DecisionReason.DECISION_REASON_JURISDICTION_CHANGED)
        current = self.texts.current(purpose, rules.name, now_ms)
        if not self.texts.same_substance(purpose, word.text_version, current):
            return Decision(False, DecisionReason.DECISION_REASON_TEXT_CHANGED)
        until_ms = word.changed_ms + renew_after_days * DAY_MS if renew_after_days else None
        if until_ms is not None and now_ms >= until_ms:
            return Decision(False, DecisionReason.DECISION_REASON_EXPIRED)
        return Decision(True, DecisionReason.DECISION_REASON_GRANTED, until_ms)
