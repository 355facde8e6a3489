"""Which service may act for a person, where, and with which scopes."""

from __future__ import annotations

from collections.abc import Mapping

NEVER: frozenset[str] = frozenset({"account", "consent.write", "rights"})
"""What only the person themselves does: no service gets these scopes for anybody."""

ALONE: Mapping[tuple[str, str], frozenset[str]] = {
    ("profile", "workout"): frozenset({"workout.read"}),
    ("workout", "profile"): frozenset({"profile.read"}),
}
"""Service and domain to the scopes with which the service may act in background work, when no token of the
person is at hand: gear is counted off workouts, and an analysis uses the values of the day."""


def may_act(services: frozenset[str], audience: str, scopes: frozenset[str], *, alone: bool) -> bool:
    """Whether one of the services of a process may act for a person at a domain with these scopes.

    Args:
        alone: no token of the person was shown.
    """
    if scopes & NEVER:
        return False
    if not alone:
        return bool(services)
    return any((name, audience) in ALONE and scopes <= ALONE[name, audience] for name in services)
