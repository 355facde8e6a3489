"""From whatever a handler raised to the error that its caller gets."""

from __future__ import annotations

import secrets

import grpc
import structlog

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.database import DatabaseClosed, StoreUnavailable
from services.chassis.errors import Internal, PlatformError, ShuttingDown, Unavailable

_log = structlog.get_logger(__name__)

_PASSED_ON = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


def as_platform_error(error: Exception) -> PlatformError:
    """The error in the terms of the contract; what is not foreseen is logged and becomes INTERNAL."""
    if isinstance(error, PlatformError):
        return error
    if isinstance(error, StoreUnavailable):
        _log.warning("store_unavailable", error=str(error))
        return Unavailable(error.retry_after)
    if isinstance(error, DatabaseClosed):
        return ShuttingDown()
    if isinstance(error, grpc.aio.AioRpcError) and error.code() in _PASSED_ON:
        _log.warning("dependency_unavailable", code=error.code().name, details=error.details())
        return Unavailable(1.0, "a service that this call needs cannot be reached now")
    reference = secrets.token_hex(8)
    _log.error("unexpected_error", reference=reference, exc_info=error)
    return Internal(reference)


def not_implemented(path: str) -> PlatformError:
    """The error of a method that the contract has and the servicer has not."""
    return PlatformError(
        grpc.StatusCode.UNIMPLEMENTED,
        ErrorReason.ERROR_REASON_UNSPECIFIED,
        f"{path.removeprefix('/')} is not implemented here",
    )
