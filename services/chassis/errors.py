"""The one error type that crosses the service boundary, and its form on the wire.

Use cases raise a `PlatformError`; the pipeline turns it into a gRPC status with `google.rpc` details. What
else escapes a handler becomes INTERNAL with a reference id, so that no trace and no data leave the server.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from pulsemesh.error.v1.reason_pb2 import ErrorReason

DOMAIN = "pulsemesh"
"""`google.rpc.ErrorInfo.domain` of every error."""

STATUS_DETAILS_KEY = "grpc-status-details-bin"


class PlatformError(Exception):
    """What went wrong, in the terms of the contract.

    Attributes:
        code: how a client treats the failure.
        reason: what precisely is wrong, a value of `pulsemesh.error.v1.ErrorReason`.
        message: for people; never holds personal data beyond what the caller sent.
        metadata: what a program may want to know.
        violations: pairs of field path and description, for INVALID_ARGUMENT.
        retry_after_s: seconds before a repeat makes sense, or None.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: ErrorReason.ValueType,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[tuple[str, str]] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = list(violations)
        self.retry_after_s = retry_after_s

    def to_status(self) -> status_pb2.Status:
        """The `google.rpc.Status` with ErrorInfo and, where they apply, BadRequest and RetryInfo."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        status.details.add().Pack(
            error_details_pb2.ErrorInfo(
                reason=ErrorReason.Name(self.reason).removeprefix("ERROR_REASON_"),
                domain=DOMAIN,
                metadata=self.metadata,
            )
        )
        if self.violations:
            status.details.add().Pack(
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
                        for field, description in self.violations
                    ]
                )
            )
        if self.retry_after_s is not None:
            nanos, seconds = math.modf(max(self.retry_after_s, 0.0))
            delay = Duration(seconds=int(seconds), nanos=int(nanos * 1e9))
            status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        return status

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The trailing metadata that carry `to_status`."""
        return ((STATUS_DETAILS_KEY, self.to_status().SerializeToString()),)


class InvalidRequest(PlatformError):
    """Fields of the request break their rules."""

    def __init__(self, violations: Sequence[tuple[str, str]], message: str = "") -> None:
        text = message or "; ".join(f"{field}: {description}" for field, description in violations)
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_FIELD_INVALID,
            text or "the request is invalid",
            violations=violations,
        )


class InvalidField(InvalidRequest):
    """One field of the request breaks a rule.

    Args:
        field: the path as a client writes it, "filter.started_after".
        description: what the field must be.
    """

    def __init__(self, field: str, description: str) -> None:
        super().__init__([(field, description)])


class PageTokenInvalid(PlatformError):
    """A page token that this method did not make, or made for another request."""

    def __init__(self, field: str = "page_token") -> None:
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT,
            ErrorReason.ERROR_REASON_PAGE_TOKEN_INVALID,
            "the page token is not one of this list",
            violations=[(field, "is not a page token of this list")],
        )


class NotFound(PlatformError):
    """Nothing of that id exists for the caller."""

    def __init__(self, resource: str, identifier: str) -> None:
        super().__init__(
            grpc.StatusCode.NOT_FOUND,
            ErrorReason.ERROR_REASON_NOT_FOUND,
            f"there is no {resource} {identifier}",
            metadata={"resource": resource, "id": identifier},
        )


class AlreadyExists(PlatformError):
    """Something of that id exists, and it is not what the request would have made."""

    def __init__(self, resource: str, identifier: str) -> None:
        super().__init__(
            grpc.StatusCode.ALREADY_EXISTS,
            ErrorReason.ERROR_REASON_ALREADY_EXISTS,
            f"the {resource} {identifier} exists already",
            metadata={"resource": resource, "id": identifier},
        )


class RequestIdReused(PlatformError):
    """A request_id came again with another request."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            grpc.StatusCode.ALREADY_EXISTS,
            ErrorReason.ERROR_REASON_REQUEST_ID_REUSED,
            "the request_id was used for another request",
            metadata={"request_id": request_id},
        )


class EtagMismatch(PlatformError):
    """The resource changed since the caller read it: read, merge, repeat."""

    def __init__(self, resource: str, identifier: str, etag: str = "") -> None:
        metadata = {"resource": resource, "id": identifier} | ({"etag": etag} if etag else {})
        super().__init__(
            grpc.StatusCode.ABORTED,
            ErrorReason.ERROR_REASON_ETAG_MISMATCH,
            f"the {resource} {identifier} was changed by somebody else",
            metadata=metadata,
        )


class Unauthenticated(PlatformError):
    """The credentials are missing, wrong or out of date."""

    def __init__(
        self,
        message: str = "the access token is not valid",
        reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_CREDENTIALS_INVALID,
    ) -> None:
        super().__init__(grpc.StatusCode.UNAUTHENTICATED, reason, message)


class AccessDenied(PlatformError):
    """The caller is known and may not do this."""

    def __init__(
        self,
        message: str = "the caller may not do this",
        reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_ACCESS_DENIED,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(grpc.StatusCode.PERMISSION_DENIED, reason, message, metadata=metadata)


class WrongCell(PlatformError):
    """The person lives in another cell; the call belongs to that cell's gateway."""

    def __init__(self, cell: str, here: str) -> None:
        super().__init__(
            grpc.StatusCode.FAILED_PRECONDITION,
            ErrorReason.ERROR_REASON_WRONG_CELL,
            f"the caller lives in the cell {cell}, this is {here}",
            metadata={"cell": cell, "here": here},
        )


class ResourceExhausted(PlatformError):
    """A limit is reached: of calls by default, or of size."""

    def __init__(
        self,
        message: str = "too many calls",
        reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_RATE_LIMITED,
        *,
        retry_after_s: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            reason,
            message,
            retry_after_s=retry_after_s,
            metadata=metadata,
        )


class FailedPrecondition(PlatformError):
    """The resource is not in the state that the call needs; a repeat fails in the same way."""

    def __init__(
        self, reason: ErrorReason.ValueType, message: str, *, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(grpc.StatusCode.FAILED_PRECONDITION, reason, message, metadata=metadata)


class Aborted(PlatformError):
    """Somebody else was first; the whole exchange may be repeated from its beginning."""

    def __init__(
        self, reason: ErrorReason.ValueType, message: str, *, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(grpc.StatusCode.ABORTED, reason, message, metadata=metadata)


class DeadlinePassed(PlatformError):
    """The call took longer than its policy, or its caller, allows."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            ErrorReason.ERROR_REASON_DEADLINE_PASSED,
            f"the call was not done within {deadline_s:g} s",
            metadata={"deadline_s": f"{deadline_s:g}"},
        )


class Unavailable(PlatformError):
    """Something that the call needs is away for the moment."""

    def __init__(
        self,
        retry_after_s: float | None = 1.0,
        message: str = "the platform cannot serve this now",
        reason: ErrorReason.ValueType = ErrorReason.ERROR_REASON_STORE_UNAVAILABLE,
    ) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, reason, message, retry_after_s=retry_after_s)


class ShuttingDown(Unavailable):
    """This server is going away; another takes the call, or this one after its restart."""

    def __init__(self) -> None:
        super().__init__(
            0.5, "the server is shutting down: connect again", ErrorReason.ERROR_REASON_SHUTTING_DOWN
        )


class Internal(PlatformError):
    """A fault of ours. The client sees only the reference under which it was logged."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            grpc.StatusCode.INTERNAL,
            ErrorReason.ERROR_REASON_INTERNAL,
            f"internal error, reference {reference}",
            metadata={"reference": reference},
        )
