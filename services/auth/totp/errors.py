"""What second proofs refuse, and how they say so."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, ResourceExhausted, Unauthenticated


class SecondFactorWrong(Unauthenticated):
    """The code is wrong, out of date, or was used before; it is not said which."""

    def __init__(self) -> None:
        super().__init__(
            "the code is wrong, out of date, or was used before",
            ErrorReason.ERROR_REASON_SECOND_FACTOR_WRONG,
        )


class SecondFactorThrottled(ResourceExhausted):
    """Too many wrong second proofs for one account."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            "too many wrong codes: wait",
            ErrorReason.ERROR_REASON_SECOND_FACTOR_THROTTLED,
            retry_after_s=retry_after_s,
        )


class SignInAttemptOver(Unauthenticated):
    """The attempt was used, is too old, or never was."""

    def __init__(self) -> None:
        super().__init__("this attempt is over: begin again", ErrorReason.ERROR_REASON_SIGN_IN_ATTEMPT_OVER)


class LastWayIn(FailedPrecondition):
    """Nobody could sign in to the account any more."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_LAST_WAY_IN,
            "this is the last way in to the account: set a password, or add another one first",
        )


class NothingToGuard(FailedPrecondition):
    """The person has nothing that could be asked for as a second proof."""

    def __init__(self, description: str) -> None:
        super().__init__(ErrorReason.ERROR_REASON_NOT_FOUND, description)
