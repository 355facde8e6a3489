"""What passkeys are refused for, and how it is said."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import NotFound, ResourceExhausted, Unauthenticated


class PasskeyRefused(Unauthenticated):
    """What the device signed is not what it was asked for; it is not said what is wrong with it."""

    def __init__(self) -> None:
        super().__init__("the passkey was refused", ErrorReason.ERROR_REASON_PASSKEY_REFUSED)


class PasskeyCopied(Unauthenticated):
    """The counter of the passkey went back."""

    def __init__(self) -> None:
        super().__init__(
            "the passkey's counter went back, as when somebody has a copy: sign in by other means",
            ErrorReason.ERROR_REASON_PASSKEY_COPIED,
        )


class PasskeyNotFound(NotFound):
    """The caller has no such passkey."""

    def __init__(self, passkey_id: str) -> None:
        super().__init__("passkey", passkey_id)


class TooManyPasskeys(ResourceExhausted):
    """More than anybody needs."""

    def __init__(self, most: int) -> None:
        super().__init__(f"one may have {most} passkeys: delete some first")
