"""What is refused of people's rights, and how that is said."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import AccessDenied, FailedPrecondition, NotFound


class SignInAgain(AccessDenied):
    """What cannot be undone is asked for by a session whose person signed in a while ago."""

    def __init__(self, minutes: int) -> None:
        super().__init__(
            f"sign in again: an erasure can be asked for within {minutes} minutes of a sign-in",
            ErrorReason.ERROR_REASON_SIGN_IN_AGAIN,
            metadata={"within_minutes": str(minutes)},
        )


class RightsRequestNotFound(NotFound):
    """There is no such request, or it is somebody else's."""

    def __init__(self, rights_request_id: str) -> None:
        super().__init__("rights request", rights_request_id)


class RightsRequestBegun(FailedPrecondition):
    """It cannot be taken back any more."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_RIGHTS_REQUEST_BEGUN,
            "the request is worked on already, or is done: it cannot be taken back",
        )


class RightsRequestUnfinished(FailedPrecondition):
    """There is nothing to fetch yet, or no longer."""

    def __init__(self, state: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_RIGHTS_REQUEST_UNFINISHED,
            f"there is no archive to fetch: the request is {state}; ask for a new one once it has expired",
            metadata={"state": state},
        )
