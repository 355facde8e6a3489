"""Why a workout does not go into a format."""

from __future__ import annotations

import grpc

from ingest_edge.files.writers import UnsuitableFormat
from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import PlatformError


class FormatUnsuitable(PlatformError):
    """The format cannot carry this workout; another can, and the message says which."""

    def __init__(self, format_name: str, field: str, reason: str, remedy: str) -> None:
        super().__init__(
            grpc.StatusCode.FAILED_PRECONDITION,
            ErrorReason.ERROR_REASON_FORMAT_UNSUITABLE,
            f"{reason}: {remedy}",
            metadata={"format": format_name, "field": field, "remedy": remedy},
            violations=[(field, reason)],
        )

    @classmethod
    def of(cls, unsuitable: UnsuitableFormat) -> FormatUnsuitable:
        """The same as the file formats say it."""
        return cls(unsuitable.format_name, unsuitable.field, unsuitable.reason, unsuitable.remedy)
