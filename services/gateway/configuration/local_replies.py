"""What the gateway says itself, in the words of the platform.

A gRPC client gets the status, the message and the `google.rpc` details that a service would have sent; any
other client gets the same as JSON. Envoy knows its own errors by their HTTP status and, where that is not
enough, by the details of the response.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
from google.protobuf.json_format import MessageToJson

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import (
    STATUS_DETAILS_KEY,
    AccessDenied,
    PlatformError,
    Unauthenticated,
    Unavailable,
)
from services.gateway.configuration.values import (
    METHOD_UNKNOWN,
    ORIGINAL_PATH,
    SESSION_ENDED,
    WRONG_CELL,
    Value,
    extension,
)

_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNIMPLEMENTED: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}

_TELLING = {413: 413, 431: 431}
"""Statuses that say more over HTTP than that of their gRPC code."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One of the gateway's own answers.

    Attributes:
        status: the HTTP status by which Envoy means it.
        details: what the details of Envoy's response hold, where the status alone does not tell.
    """

    status: int
    error: PlatformError
    details: str = ""


def _error(code: grpc.StatusCode, reason: ErrorReason.ValueType, message: str) -> PlatformError:
    return PlatformError(code, reason, message)


def replies(cell: str) -> list[Reply]:
    """Every answer, the more special first."""
    return [
        Reply(
            401,
            Unauthenticated("an access token is needed", ErrorReason.ERROR_REASON_CREDENTIALS_MISSING),
            "Jwt_is_missing",
        ),
        Reply(
            401,
            Unauthenticated("the access token has expired", ErrorReason.ERROR_REASON_CREDENTIALS_EXPIRED),
            "Jwt_is_expired",
        ),
        Reply(401, Unauthenticated()),
        Reply(
            SESSION_ENDED,
            Unauthenticated("the session has ended: sign in again", ErrorReason.ERROR_REASON_SESSION_ENDED),
        ),
        Reply(403, AccessDenied("callers of this kind may not call this method")),
        Reply(
            WRONG_CELL,
            PlatformError(
                grpc.StatusCode.FAILED_PRECONDITION,
                ErrorReason.ERROR_REASON_WRONG_CELL,
                f"the caller lives in another cell, this is {cell}",
                metadata={"here": cell},
            ),
        ),
        Reply(
            METHOD_UNKNOWN,
            _error(
                grpc.StatusCode.UNIMPLEMENTED,
                ErrorReason.ERROR_REASON_METHOD_UNKNOWN,
                "the platform has no such method",
            ),
        ),
        Reply(
            429,
            PlatformError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                ErrorReason.ERROR_REASON_RATE_LIMITED,
                "too many calls",
                retry_after_s=1.0,
            ),
        ),
        *(
            Reply(
                status,
                _error(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    ErrorReason.ERROR_REASON_TOO_LARGE,
                    "the request is too large",
                ),
            )
            for status in (413, 431)
        ),
        Reply(
            400,
            _error(
                grpc.StatusCode.INVALID_ARGUMENT,
                ErrorReason.ERROR_REASON_REQUEST_MALFORMED,
                "the request is malformed",
            ),
        ),
        *(
            Reply(
                status,
                Unavailable(
                    1.0, "the service cannot be reached now", ErrorReason.ERROR_REASON_SERVICE_UNREACHABLE
                ),
            )
            for status in (502, 503)
        ),
        *(
            Reply(
                status,
                _error(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    ErrorReason.ERROR_REASON_DEADLINE_PASSED,
                    "the call was not done in time",
                ),
            )
            for status in (408, 504)
        ),
    ]


def local_reply_config(cell: str) -> Value:
    """The part of the connection manager's configuration that gives errors their form."""
    return {"mappers": [mapper for reply in replies(cell) for mapper in _mappers(reply)]}


def _mappers(reply: Reply) -> Iterator[Value]:
    """One for gRPC, one for everybody else."""
    yield {
        "filter": _when(reply, *_speaks_grpc()),
        "body": {"inline_string": reply.error.message},
        "headers_to_add": [
            _header("grpc-status", str(reply.error.code.value[0])),
            _header(STATUS_DETAILS_KEY, _details(reply.error)),
        ],
    }
    yield {
        "filter": _when(reply),
        "status_code": _TELLING.get(reply.status, _HTTP_STATUS[reply.error.code]),
        "body_format_override": {
            "json_format": json.loads(MessageToJson(reply.error.to_status())),
            "content_type": "application/json",
        },
    }


def _details(error: PlatformError) -> str:
    return base64.b64encode(error.to_status().SerializeToString(deterministic=True)).decode().rstrip("=")


def _header(key: str, value: str) -> Value:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _when(reply: Reply, *more: Value) -> Value:
    filters = [_status(reply.status), *more]
    if reply.details:
        filters.append(_response_details(reply.details))
    return filters[0] if len(filters) == 1 else {"and_filter": {"filters": filters}}


def _status(status: int) -> Value:
    value = {"default_value": status, "runtime_key": "pulsemesh.local_reply"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def _speaks_grpc() -> list[Value]:
    """True of calls that came as gRPC; one that was made of a REST call has kept its first path."""
    by_type = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    made_of_rest = {"name": ORIGINAL_PATH, "present_match": True, "invert_match": True}
    return [{"header_filter": {"header": header}} for header in (by_type, made_of_rest)]


def _response_details(part: str) -> Value:
    return {
        "extension_filter": extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression=f"response.code_details.contains('{part}')",
        )
    }
