"""The port to people's consents, and what stands in for it until the consent service does.

A method whose policy names consents runs only when the gate says yes. No answer means no.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.errors import AccessDenied, Unavailable


class ConsentGate(Protocol):
    """Knows what a person allows."""

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        """Return when the person allows all purposes.

        Raises:
            AccessDenied: with CONSENT_MISSING, naming the purposes that are refused; see `consent_missing`.
            Unavailable: with CONSENT_UNAVAILABLE, when that cannot be known now.
        """
        ...

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        """Those of the purposes that the person does not allow: for what can be done in part.

        Raises:
            Unavailable: with CONSENT_UNAVAILABLE, when that cannot be known now.
        """
        ...

    def forget(self, user_id: str) -> None:
        """The person's consents changed: whoever asks from now on is told what holds now."""
        ...


def purpose_names(purposes: Iterable[Purpose.ValueType]) -> str:
    """The purposes for programs and people: "health_data,research"."""
    return ",".join(sorted(Purpose.Name(purpose).removeprefix("PURPOSE_").lower() for purpose in purposes))


def consent_missing(purposes: Iterable[Purpose.ValueType]) -> AccessDenied:
    """The error for purposes that the person does not allow."""
    names = purpose_names(purposes)
    return AccessDenied(
        f"the person has not consented to: {names}",
        ErrorReason.ERROR_REASON_CONSENT_MISSING,
        metadata={"purposes": names},
    )


def consent_unavailable() -> Unavailable:
    """The error for a gate that cannot answer."""
    return Unavailable(2.0, "consents cannot be checked now", ErrorReason.ERROR_REASON_CONSENT_UNAVAILABLE)


class ClosedConsentGate:
    """The null twin: nothing can be known, so nothing is allowed."""

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        """See `ConsentGate.check`."""
        raise consent_unavailable()

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        """See `ConsentGate.refused`."""
        raise consent_unavailable()

    def forget(self, user_id: str) -> None:
        """See `ConsentGate.forget`."""


class DevelopmentConsentGate:
    """Allows all. For machines of developers, where no consent service runs."""

    def __init__(self, *, development: bool) -> None:
        """
        Raises:
            ValueError: outside development mode, where nobody may consent for another.
        """
        if not development:
            raise ValueError(
                "the development consent gate allows everything: it works in development mode only"
            )

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        """See `ConsentGate.check`."""
        return

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        """See `ConsentGate.refused`."""
        return frozenset()

    def forget(self, user_id: str) -> None:
        """See `ConsentGate.forget`."""
