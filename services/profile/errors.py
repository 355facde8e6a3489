"""What the profile service refuses, and how it says so."""

from __future__ import annotations

import grpc

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, NotFound, PlatformError, ResourceExhausted


class PersonNotFound(NotFound):
    """There is no such person, or none whom the caller may see: one answer for both."""

    def __init__(self, asked_for: str) -> None:
        super().__init__("person", asked_for)


class AvatarNotFound(NotFound):
    """There is no picture that the caller may see."""

    def __init__(self, user_id: str) -> None:
        super().__init__("avatar", user_id)


class HandleTaken(PlatformError):
    """It is another's, was until lately, looks like one, or is reserved."""

    def __init__(self, handle: str) -> None:
        super().__init__(
            grpc.StatusCode.ALREADY_EXISTS,
            ErrorReason.ERROR_REASON_HANDLE_TAKEN,
            f"the handle {handle} is not to be had",
            metadata={"handle": handle},
        )


class HandleChangedRecently(FailedPrecondition):
    """A handle is changed once in a while only, so that others can rely on it."""

    def __init__(self, changeable_ms: int) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_HANDLE_CHANGED_RECENTLY,
            "the handle was changed within the last 30 days",
            metadata={"changeable_at_ms": str(changeable_ms)},
        )


class ImageInvalid(PlatformError):
    """The bytes are no picture that is taken."""

    def __init__(self, why: str) -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_IMAGE_INVALID,
            f"the picture is not taken: {why}",
            violations=[("chunk", why)],
        )


class TooManyZones(ResourceExhausted):
    """A person has a bounded number of zones."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"no more than {limit} privacy zones", ErrorReason.ERROR_REASON_TOO_LARGE)
