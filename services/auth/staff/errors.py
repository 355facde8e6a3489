"""What is refused to staff, and how that is said."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import AccessDenied, FailedPrecondition


class StepUpNeeded(AccessDenied):
    """No second proof of the last minutes."""

    def __init__(self, minutes: int) -> None:
        super().__init__(
            f"sign in again with a second factor: the last one must be younger than {minutes} minutes",
            ErrorReason.ERROR_REASON_STEP_UP_NEEDED,
            metadata={"within_minutes": str(minutes)},
        )


class OwnRole(AccessDenied):
    """A role for oneself."""

    def __init__(self) -> None:
        super().__init__("nobody gives a role to themselves", ErrorReason.ERROR_REASON_OWN_ROLE)


class LastSecurityAdmin(FailedPrecondition):
    """Nobody would be left who could give roles."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_LAST_SECURITY_ADMIN,
            "this is the last security admin: give the role to somebody else first",
        )


class RoleNotForEmergencies(FailedPrecondition):
    """A role that nobody takes for themselves."""

    def __init__(self, role: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_ROLE_NOT_FOR_EMERGENCIES,
            f"the role {role} is given by a security admin, in an emergency too",
            metadata={"role": role},
        )
