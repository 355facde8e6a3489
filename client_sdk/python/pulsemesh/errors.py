"""What can go wrong with a call, as one tree of exceptions named by meaning.

The platform answers a failed call with a `google.rpc.Status`: a code that says how to
treat the failure, an `ErrorInfo` whose reason says precisely what is wrong, the fields
at fault, and how long to wait. `from_rpc_error` turns that into an exception; catch the
branch you can do something about, and `PulsemeshError` for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from pulsemesh.error.v1 import reason_pb2

__all__ = [
    "Aborted",
    "AlreadyExists",
    "Cancelled",
    "Conflict",
    "ConsentMissing",
    "DeadlineExceeded",
    "EtagMismatch",
    "FailedPrecondition",
    "FieldViolation",
    "Internal",
    "InvalidArgument",
    "NotFound",
    "PermissionDenied",
    "PulsemeshError",
    "ResourceExhausted",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "from_rpc_error",
]

Reason: TypeAlias = reason_pb2.ErrorReason.ValueType

_STATUS_KEY = "grpc-status-details-bin"
_REQUEST_ID_KEY = "x-request-id"
_REASON_PREFIX = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is not as it must be."""

    field: str
    """Path of the field, as in `workout.title`."""
    description: str


@dataclass(frozen=True, slots=True)
class _Details:
    """What a `google.rpc.Status` carries beside its code and message."""

    present: bool = False
    reason: Reason = reason_pb2.ERROR_REASON_UNSPECIFIED
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[FieldViolation] = ()
    retry_after_s: float | None = None
    request_id: str = ""


class PulsemeshError(Exception):
    """A call that failed.

    `code` says how to treat it, `reason` (a `pulsemesh.error.v1.ErrorReason`) what exactly
    is wrong, `message` is for people. `metadata` names what the reason is about;
    `violations` are the fields at fault; `retry_after_s` is how long the platform asks to
    wait; `request_id` is what to quote to whoever runs the platform; `method` is the full
    name of the method.
    """

    default_code = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: Reason = reason_pb2.ERROR_REASON_UNSPECIFIED,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after_s: float | None = None,
        request_id: str = "",
        method: str = "",
        from_platform: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.reason = reason
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.method = method
        self.from_platform = from_platform
        """True where the platform explained the failure, False where the transport failed by itself."""

    @property
    def reason_name(self) -> str:
        """The reason without its prefix, such as `RATE_LIMITED`; empty where there is none."""
        if self.reason == reason_pb2.ERROR_REASON_UNSPECIFIED:
            return ""
        return _reason_name(self.reason)

    def __str__(self) -> str:
        text = self.message or self.code.name
        violations = [f"{violation.field}: {violation.description}" for violation in self.violations]
        # The platform's own message may name the fields already.
        return "; ".join([text, *(line for line in violations if line not in text)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code.name}, {self.reason_name or '-'}, {self.message!r})"


class Unauthenticated(PulsemeshError):
    """The platform does not know who calls: sign in, or sign in again."""

    default_code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(PulsemeshError):
    """The platform knows who calls and does not allow it."""

    default_code = grpc.StatusCode.PERMISSION_DENIED


class ConsentMissing(PermissionDenied):
    """The person whose data it is has not allowed this use of it."""


class NotFound(PulsemeshError):
    """There is no such thing, or it is someone else's."""

    default_code = grpc.StatusCode.NOT_FOUND


class InvalidArgument(PulsemeshError):
    """The request itself is wrong; `violations` name the fields."""

    default_code = grpc.StatusCode.INVALID_ARGUMENT


class FailedPrecondition(PulsemeshError):
    """The request is right, the state of the thing it addresses is not."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION


class Conflict(PulsemeshError):
    """Someone else changed, made or took the thing meanwhile."""

    default_code = grpc.StatusCode.ABORTED


class EtagMismatch(Conflict):
    """The thing was changed since it was read: read it again and repeat the change."""


class AlreadyExists(Conflict):
    """There is one already."""

    default_code = grpc.StatusCode.ALREADY_EXISTS


class Aborted(Conflict):
    """The platform gave the call up in favour of another one."""


class ResourceExhausted(PulsemeshError):
    """Too many calls, or too much data; `retry_after_s` says when to come back, where it helps."""

    default_code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(PulsemeshError):
    """The platform cannot be reached or cannot serve now; later it may."""

    default_code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(PulsemeshError):
    """The time for the call ran out; whether it took effect is not known."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(PulsemeshError):
    """The call was given up, by the other side or by an intermediary."""

    default_code = grpc.StatusCode.CANCELLED


class Unimplemented(PulsemeshError):
    """The platform does not have this method: it is older, or another service."""

    default_code = grpc.StatusCode.UNIMPLEMENTED


class Internal(PulsemeshError):
    """The platform failed; quote `request_id` to whoever runs it."""

    default_code = grpc.StatusCode.INTERNAL


_BY_CODE: Mapping[grpc.StatusCode, type[PulsemeshError]] = {
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNKNOWN: Internal,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgument,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DATA_LOSS: Internal,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
}

# Reasons whose meaning is narrower than their code's.
_BY_REASON: Mapping[Reason, type[PulsemeshError]] = {
    reason_pb2.ERROR_REASON_ETAG_MISMATCH: EtagMismatch,
    reason_pb2.ERROR_REASON_CONSENT_MISSING: ConsentMissing,
    reason_pb2.ERROR_REASON_REQUEST_ID_REUSED: Conflict,
    reason_pb2.ERROR_REASON_WRITER_FENCED: Conflict,
}


def from_rpc_error(error: grpc.aio.AioRpcError, *, method: str = "", request_id: str = "") -> PulsemeshError:
    """Return the exception that stands for `error`.

    `method` and `request_id` are what the caller knows of the call; a request id that the
    platform sent back takes precedence.
    """
    details = _details(error)
    kind = _BY_REASON.get(details.reason) or _BY_CODE.get(error.code(), PulsemeshError)
    return kind(
        error.details() or "",
        code=error.code(),
        reason=details.reason,
        metadata=details.metadata,
        violations=details.violations,
        retry_after_s=details.retry_after_s,
        request_id=details.request_id or _trailer(error, _REQUEST_ID_KEY) or request_id,
        method=method,
        from_platform=details.present,
    )


def _trailer(error: grpc.aio.AioRpcError, key: str) -> str:
    for name, value in error.trailing_metadata() or ():
        if name == key:
            return value if isinstance(value, str) else value.decode("ascii", "replace")
    return ""


def _raw_status(error: grpc.aio.AioRpcError) -> bytes | None:
    for name, value in error.trailing_metadata() or ():
        if name == _STATUS_KEY:
            return value if isinstance(value, bytes) else value.encode("latin-1")
    return None


def _details(error: grpc.aio.AioRpcError) -> _Details:
    raw = _raw_status(error)
    if raw is None:
        return _Details()
    try:
        return parse_status(raw)
    except Exception:  # protobuf raises DecodeError; whatever an intermediary sent, the code still counts
        return _Details()


def parse_status(raw: bytes) -> _Details:
    """Return what a serialised `google.rpc.Status` says beside code and message."""
    status = status_pb2.Status.FromString(raw)
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    request = error_details_pb2.RequestInfo()
    retry_after_s = None
    for detail in status.details:
        for message in (info, bad_request, request):
            detail.Unpack(message)
        if detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return _Details(
        present=True,
        reason=_parse_reason(info.reason),
        metadata=dict(info.metadata),
        violations=tuple(FieldViolation(v.field, v.description) for v in bad_request.field_violations),
        retry_after_s=retry_after_s,
        request_id=request.request_id or info.metadata.get("reference", ""),
    )


def _parse_reason(name: str) -> Reason:
    """Return the reason by its name, with or without the enum's prefix; a newer one is unspecified."""
    full = name if name.startswith(_REASON_PREFIX) else _REASON_PREFIX + name
    number = reason_pb2.ErrorReason.DESCRIPTOR.values_by_name.get(full)
    return reason_pb2.ErrorReason.Value(full) if number else reason_pb2.ERROR_REASON_UNSPECIFIED


def _reason_name(reason: Reason) -> str:
    return reason_pb2.ErrorReason.Name(reason).removeprefix(_REASON_PREFIX)
