"""What the provider's gRPC methods refuse, and how they say so."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, NotFound, ResourceExhausted


class UserCodeUnknown(NotFound):
    """A device's code that is wrong, used, or out of date; it is not said which."""

    def __init__(self) -> None:
        super().__init__("device", "with this code")
        self.reason = ErrorReason.ERROR_REASON_USER_CODE_UNKNOWN
        self.message = "no device shows this code now: it is wrong, used, or out of date"
        self.metadata = {}


class UserCodeThrottled(ResourceExhausted):
    """Too many wrong codes."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many wrong codes: wait", retry_after_s=retry_after_s)


class TooMany(FailedPrecondition):
    """More than anybody needs."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_TOO_MANY_APPS,
            f"nobody has more than {most} {what}: delete some first",
            metadata={"most": str(most)},
        )
