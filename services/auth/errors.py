"""What the auth service refuses, and how it says so."""

from __future__ import annotations

import grpc

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import (
    AccessDenied,
    FailedPrecondition,
    NotFound,
    PlatformError,
    ResourceExhausted,
    Unauthenticated,
    WrongCell,
)


class SignInFailed(Unauthenticated):
    """Address and password do not belong together: said alike of unknown addresses and wrong passwords."""

    def __init__(self) -> None:
        super().__init__("the address or the password is wrong", ErrorReason.ERROR_REASON_SIGN_IN_FAILED)


class SignInThrottled(ResourceExhausted):
    """Too many failures."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(
            "too many failed attempts: wait, or reset the password",
            ErrorReason.ERROR_REASON_SIGN_IN_THROTTLED,
            retry_after_s=retry_after_s,
        )


class MailsThrottled(ResourceExhausted):
    """Another mail is not due yet."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("a mail was sent just now: wait for it", retry_after_s=retry_after_s)


class CodeWrong(Unauthenticated):
    """The code or link is wrong, used, or out of date."""

    def __init__(self) -> None:
        super().__init__(
            "the code is wrong, was used already, or is out of date", ErrorReason.ERROR_REASON_CODE_WRONG
        )


class SessionOver(Unauthenticated):
    """A refresh token that leads nowhere; it is not said why."""

    def __init__(self) -> None:
        super().__init__("the session has ended: sign in again", ErrorReason.ERROR_REASON_SESSION_ENDED)


class SignInAgain(AccessDenied):
    """What is asked for needs a fresh proof of who asks."""

    def __init__(self) -> None:
        super().__init__(
            "sign in again first: this needs a recent sign-in", ErrorReason.ERROR_REASON_SIGN_IN_AGAIN
        )


class StaffRefused(AccessDenied):
    """Somebody came by the program of staff without a role, or without a strong second proof."""

    def __init__(self) -> None:
        super().__init__("the program of staff needs a role and a second factor")


class PasswordWeak(PlatformError):
    """A password that is easily guessed."""

    def __init__(self, field: str, description: str) -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_PASSWORD_WEAK,
            f"the password {description}",
            violations=[(field, description)],
        )


class PasswordBreached(PlatformError):
    """A password that was stolen somewhere and is tried everywhere."""

    def __init__(self, field: str) -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_PASSWORD_BREACHED,
            "the password is in a collection of stolen ones: choose another",
            violations=[(field, "is in a collection of stolen passwords")],
        )


class TooYoung(FailedPrecondition):
    """Below the age at which a person may sign up by themselves."""

    def __init__(self, minimum_years: int) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_TOO_YOUNG,
            f"one must be at least {minimum_years} to sign up",
            metadata={"minimum_years": str(minimum_years)},
        )


class ServedElsewhere(WrongCell):
    """People of the country live in another cell."""

    def __init__(self, country: str, cell: str, here: str, address: str) -> None:
        super().__init__(cell, here)
        self.message = f"people of {country} sign up in the cell {cell}"
        self.metadata |= {"country": country} | ({"address": address} if address else {})


class AccountNotFound(NotFound):
    """The caller has no account here, as with a token of the development issuer."""

    def __init__(self, user_id: str) -> None:
        super().__init__("account", user_id)
