"""What staff must have proved, and how lately, before they change who may do what."""

from __future__ import annotations

from services.auth.second_factors import STRONG_METHODS
from services.auth.staff.errors import StepUpNeeded
from services.chassis.auth import Principal

WITHIN_MINUTES = 15


def require_step_up(principal: Principal, now_ms: int) -> None:
    """
    Raises:
        StepUpNeeded: the caller's token tells of no second proof of the last minutes.
    """
    age_s = now_ms / 1000 - principal.authenticated_at_s
    if not principal.methods & STRONG_METHODS or age_s > WITHIN_MINUTES * 60:
        raise StepUpNeeded(WITHIN_MINUTES)
