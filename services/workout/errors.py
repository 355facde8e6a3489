"""What the workout service refuses, and how it says so."""

from __future__ import annotations

import grpc

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, NotFound, PlatformError


class RecordingNotFound(NotFound):
    """The caller has no recording of that id."""

    def __init__(self, recording_id: str) -> None:
        super().__init__("recording", recording_id)


class WorkoutNotFound(NotFound):
    """The caller has no workout of that id."""

    def __init__(self, workout_id: str) -> None:
        super().__init__("workout", workout_id)


class FileNotFound(NotFound):
    """The caller has no file of that id."""

    def __init__(self, file_id: str) -> None:
        super().__init__("file", file_id)


class RecordingDiscarded(FailedPrecondition):
    """The recording was given up; nothing can be made of it."""

    def __init__(self, recording_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_RECORDING_CLOSED,
            f"the recording {recording_id} was discarded",
            metadata={"recording_id": recording_id},
        )


class RecordingClosed(FailedPrecondition):
    """The recording is a workout already: delete that instead."""

    def __init__(self, recording_id: str, workout_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_RECORDING_CLOSED,
            f"the recording {recording_id} became the workout {workout_id}: delete the workout",
            metadata={"recording_id": recording_id, "workout_id": workout_id},
        )


class RecordingIncomplete(FailedPrecondition):
    """Writers still owe samples."""

    def __init__(self, recording_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_RECORDING_INCOMPLETE,
            f"sources of the recording {recording_id} are incomplete",
            metadata={"recording_id": recording_id},
        )


class ChecksumMismatch(PlatformError):
    """The content that arrived is not the content that the header announced."""

    def __init__(self, announced: str, arrived: str) -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_CHECKSUM_MISMATCH,
            "the content does not have the SHA-256 that the header says",
            metadata={"announced": announced, "arrived": arrived},
            violations=[("header.sha256", f"the content's is {arrived}")],
        )


class FileSizeMismatch(PlatformError):
    """More or fewer bytes arrived than the header announced."""

    def __init__(self, announced: int, arrived: int) -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_CHECKSUM_MISMATCH,
            f"the header says {announced} bytes, {arrived} arrived",
            metadata={"announced": str(announced), "arrived": str(arrived)},
            violations=[("header.size_bytes", f"{arrived} arrived")],
        )
