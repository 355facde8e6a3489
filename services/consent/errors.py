"""What the consent service refuses, and how it says so."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.errors import FailedPrecondition
from services.consent.rules.purposes import name_of


class TextOutdated(FailedPrecondition):
    """The person was shown a text that does not hold."""

    def __init__(self, purpose: Purpose.ValueType, shown: str, current: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_CONSENT_TEXT_OUTDATED,
            f"the text of {name_of(purpose)} that holds is {current}, {shown} was shown: show it, ask again",
            metadata={"purpose": name_of(purpose), "shown": shown, "current": current},
        )


class ParentalConsentNeeded(FailedPrecondition):
    """The person is too young to agree alone."""

    def __init__(self, years: int, rules: str, source: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_PARENTAL_CONSENT_NEEDED,
            f"below {years} years of age a parent has to agree ({source}); that is not offered yet",
            metadata={"age_of_consent": str(years), "rules": rules, "source": source},
        )


class AgeUnknown(FailedPrecondition):
    """Nobody knows whether the person is old enough to agree."""

    def __init__(self, years: int) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_AGE_UNKNOWN,
            f"say when you were born first: from {years} years of age on you may agree",
            metadata={"age_of_consent": str(years)},
        )


class PurposeNotOffered(FailedPrecondition):
    """Nobody is asked for it, or not where the person lives."""

    def __init__(self, purpose: Purpose.ValueType, rules: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_PURPOSE_NOT_OFFERED,
            f"{name_of(purpose)} is not offered under the rules of {rules}",
            metadata={"purpose": name_of(purpose), "rules": rules},
        )


class BirthMonthFixed(FailedPrecondition):
    """The month of birth was given before, and was another."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_BIRTH_MONTH_FIXED,
            "the month of birth was given before: staff corrects it",
        )
