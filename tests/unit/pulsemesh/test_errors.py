from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh import errors
from pulsemesh.error.v1 import reason_pb2
from tests.unit.pulsemesh.peers import status_details

CODES = grpc.StatusCode


def rpc_error(code: grpc.StatusCode, message: str = "", raw: bytes | None = None) -> grpc.aio.AioRpcError:
    trailing: list[Any] = [] if raw is None else [("grpc-status-details-bin", raw)]
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details=message)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (CODES.UNAUTHENTICATED, errors.Unauthenticated),
        (CODES.PERMISSION_DENIED, errors.PermissionDenied),
        (CODES.NOT_FOUND, errors.NotFound),
        (CODES.INVALID_ARGUMENT, errors.InvalidArgument),
        (CODES.OUT_OF_RANGE, errors.InvalidArgument),
        (CODES.ALREADY_EXISTS, errors.AlreadyExists),
        (CODES.ABORTED, errors.Aborted),
        (CODES.FAILED_PRECONDITION, errors.FailedPrecondition),
        (CODES.RESOURCE_EXHAUSTED, errors.ResourceExhausted),
        (CODES.UNAVAILABLE, errors.Unavailable),
        (CODES.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (CODES.CANCELLED, errors.Cancelled),
        (CODES.UNIMPLEMENTED, errors.Unimplemented),
        (CODES.INTERNAL, errors.Internal),
        (CODES.UNKNOWN, errors.Internal),
        (CODES.DATA_LOSS, errors.Internal),
    ],
)
def test_each_code_has_its_exception(code: grpc.StatusCode, kind: type[errors.PulsemeshError]) -> None:
    error = errors.from_rpc_error(rpc_error(code, "why"))
    assert type(error) is kind
    assert error.code is code
    assert error.message == "why"
    assert not error.from_platform


def test_every_code_but_ok_is_covered() -> None:
    for code in CODES:
        if code is not CODES.OK:
            assert type(errors.from_rpc_error(rpc_error(code))) is not errors.PulsemeshError


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (CODES.ABORTED, "ETAG_MISMATCH", errors.EtagMismatch),
        (CODES.FAILED_PRECONDITION, "ETAG_MISMATCH", errors.EtagMismatch),
        (CODES.PERMISSION_DENIED, "CONSENT_MISSING", errors.ConsentMissing),
        (CODES.ALREADY_EXISTS, "REQUEST_ID_REUSED", errors.Conflict),
        (CODES.ABORTED, "WRITER_FENCED", errors.Conflict),
    ],
)
def test_a_reason_that_says_more_than_its_code_has_its_exception(
    code: grpc.StatusCode, reason: str, kind: type[errors.PulsemeshError]
) -> None:
    assert type(errors.from_rpc_error(rpc_error(code, raw=status_details(code, reason)))) is kind


def test_all_that_the_platform_says_is_there() -> None:
    raw = status_details(
        CODES.INVALID_ARGUMENT,
        "FIELD_INVALID",
        metadata={"reference": "r-17"},
        violations=[("workout.title", "is too long")],
        retry_after_s=2.5,
    )
    error = errors.from_rpc_error(rpc_error(CODES.INVALID_ARGUMENT, "bad", raw), method="a.B.C")
    assert error.from_platform
    assert error.reason == reason_pb2.ERROR_REASON_FIELD_INVALID
    assert error.reason_name == "FIELD_INVALID"
    assert error.violations == (errors.FieldViolation("workout.title", "is too long"),)
    assert error.retry_after_s == 2.5
    assert error.metadata == {"reference": "r-17"}
    assert error.request_id == "r-17"
    assert error.method == "a.B.C"
    assert str(error) == "bad; workout.title: is too long"


def test_fields_that_the_message_names_are_not_named_twice() -> None:
    raw = status_details(CODES.INVALID_ARGUMENT, "FIELD_INVALID", violations=[("title", "is too long")])
    error = errors.from_rpc_error(rpc_error(CODES.INVALID_ARGUMENT, "title: is too long", raw))
    assert str(error) == "title: is too long"


def test_a_reason_of_a_newer_platform_is_unspecified() -> None:
    raw = status_details(CODES.NOT_FOUND, "LOST_AT_SEA")
    error = errors.from_rpc_error(rpc_error(CODES.NOT_FOUND, raw=raw))
    assert error.reason == reason_pb2.ERROR_REASON_UNSPECIFIED
    assert error.reason_name == ""


@pytest.mark.parametrize("name", ["NOT_FOUND", "ERROR_REASON_NOT_FOUND"])
def test_a_reason_is_known_with_and_without_its_prefix(name: str) -> None:
    error = errors.from_rpc_error(rpc_error(CODES.NOT_FOUND, raw=status_details(CODES.NOT_FOUND, name)))
    assert error.reason_name == "NOT_FOUND"


@given(st.binary(max_size=200))
def test_details_that_are_garbage_leave_code_and_message(raw: bytes) -> None:
    error = errors.from_rpc_error(rpc_error(CODES.NOT_FOUND, "no", raw))
    assert error.code is CODES.NOT_FOUND
    assert error.message == "no"
