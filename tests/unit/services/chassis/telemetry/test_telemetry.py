"""Logs, metrics and traces of calls."""

from __future__ import annotations

import io
import json
import logging
import urllib.request
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.chassis.call import Call, bind_call, current_call, find_call
from services.chassis.inprocess import InProcessChannel
from services.chassis.policy import default_registry
from services.chassis.telemetry import MetricsEndpoint, Telemetry, configure_logging
from services.chassis.telemetry.metrics import process_registry
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    BROKEN_ID,
    PRINCIPALS,
    USER_ID,
    WORKOUT_ID,
    Servicers,
    error_of,
)

METHOD = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def stub_of(servicers: Servicers) -> Any:
    return workout_service_pb2_grpc.WorkoutServiceStub(InProcessChannel(servicers.collector.handlers))


def get(workout_id: str = WORKOUT_ID) -> Any:
    return workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)


# The call


def test_a_trace_is_continued() -> None:
    call = Call(METHOD, metadata={"traceparent": TRACEPARENT})
    assert call.trace_id == TRACE
    assert call.traceparent.startswith(f"00-{TRACE}-")
    assert call.traceparent != TRACEPARENT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        "00-xyz-1-01",
        b"\xff",
    ],
)
def test_a_malformed_trace_is_replaced(header: Any) -> None:
    call = Call(METHOD, metadata={"traceparent": header})
    assert len(call.trace_id) == 32
    assert call.trace_id not in {TRACE, "0" * 32}


def test_a_request_id_is_the_callers_or_the_traces() -> None:
    assert Call(METHOD, metadata={"x-request-id": "abc"}).request_id == "abc"
    assert Call(METHOD, metadata={"traceparent": TRACEPARENT}).request_id == TRACE
    assert Call(METHOD, metadata={"x-request-id": "x" * 500, "traceparent": TRACEPARENT}).request_id == TRACE


def test_outside_a_call_there_is_none() -> None:
    assert find_call() is None
    with pytest.raises(LookupError):
        current_call()


def test_background_work_can_be_bound_to_a_call() -> None:
    with bind_call(Call(METHOD, principal=PRINCIPALS["person"])) as call:
        assert current_call() is call
    assert find_call() is None


def test_a_deadline_never_falls_below_zero() -> None:
    assert Call(METHOD, deadline_s=-1.0).deadline_s() == 0.0
    assert Call(METHOD).deadline_s() is None


# Logs


def test_a_line_names_the_call_that_it_belongs_to(log: io.StringIO) -> None:
    call = Call(METHOD, principal=PRINCIPALS["person"], metadata={"traceparent": TRACEPARENT})
    with bind_call(call):
        structlog.get_logger("x").info("hello", answer=42)
    (line,) = lines(log)
    assert (line["event"], line["answer"], line["level"]) == ("hello", 42, "info")
    assert (line["rpc"], line["trace_id"], line["user_id"]) == (METHOD.path, TRACE, USER_ID)


def test_the_standard_librarys_logs_look_the_same(log: io.StringIO) -> None:
    logging.getLogger("lib").warning("careful %s", "now")
    (line,) = lines(log)
    assert (line["event"], line["logger"], line["level"]) == ("careful now", "lib", "warning")


async def test_an_unforeseen_error_is_logged_under_its_reference_without_values(log: io.StringIO) -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(BROKEN_ID), metadata=AUTHORISED))
    (line,) = [line for line in lines(log) if line["event"] == "unexpected_error"]
    assert line["reference"] in (error.details() or "")
    assert "ValueError" in json.dumps(line["exception"])
    assert "locals" not in json.dumps(line["exception"])


async def test_calls_are_logged_at_debug(log: io.StringIO) -> None:
    await stub_of(Servicers(telemetry=Telemetry())).GetWorkout(get(), metadata=AUTHORISED)
    (line,) = [line for line in lines(log) if line["event"] == "call"]
    assert (line["code"], line["rpc"], line["level"]) == ("OK", METHOD.path, "debug")


def test_the_console_style_is_for_people() -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    try:
        configure_logging("info", "console", stream)
        structlog.get_logger("x").info("hello")
        structlog.get_logger("x").debug("hidden")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    assert "hello" in stream.getvalue()
    assert "hidden" not in stream.getvalue()


# Metrics


def test_the_metrics_page_shows_calls_and_the_process() -> None:
    registry = process_registry()
    telemetry = Telemetry(registry)
    observer = telemetry.observer(METHOD)
    call = Call(METHOD)
    observer.end(call, observer.begin(call), grpc.StatusCode.OK, "")
    with MetricsEndpoint(registry, "127.0.0.1", 0) as endpoint:
        page = urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=20)
        with page:
            text = page.read().decode()
    assert 'pulsemesh_rpc_duration_seconds_count{code="OK",method="GetWorkout"' in text
    assert "process_resident_memory_bytes" in text


def test_calls_in_flight_are_read_when_somebody_looks() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    telemetry.metrics.count_in_flight(lambda: 3)
    assert registry.get_sample_value("pulsemesh_rpc_in_flight") == 3


# Traces


class RecordingSpan(trace.NonRecordingSpan):
    def __init__(self, parent: trace.SpanContext) -> None:
        super().__init__(trace.SpanContext(parent.trace_id, 1, is_remote=False))
        self.parent = parent
        self.attributes: dict[str, Any] = {}
        self.ended = False
        self.failed = False

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.failed = status is trace.StatusCode.ERROR

    def end(self, end_time: int | None = None) -> None:
        self.ended = True


class RecordingTracer(trace.NoOpTracer):
    def __init__(self) -> None:
        self.spans: list[RecordingSpan] = []

    def start_span(self, name: str, context: Any = None, **options: Any) -> RecordingSpan:  # type: ignore[override]
        span = RecordingSpan(trace.get_current_span(context).get_span_context())
        span.attributes.update(name=name, **options["attributes"])
        self.spans.append(span)
        return span


async def test_a_server_span_continues_the_callers_trace() -> None:
    tracer = RecordingTracer()
    stub = stub_of(Servicers(telemetry=Telemetry(tracer=tracer)))
    await stub.GetWorkout(get(), metadata=(*AUTHORISED, ("traceparent", TRACEPARENT)))
    (span,) = tracer.spans
    assert f"{span.parent.trace_id:032x}" == TRACE
    assert span.attributes["name"] == "pulsemesh.workout.v1.WorkoutService/GetWorkout"
    assert span.attributes["rpc.grpc.status_code"] == 0
    assert span.ended
    assert not span.failed


async def test_a_fault_of_ours_fails_the_span() -> None:
    tracer = RecordingTracer()
    stub = stub_of(Servicers(telemetry=Telemetry(tracer=tracer)))
    await error_of(stub.GetWorkout(get(BROKEN_ID), metadata=AUTHORISED))
    assert tracer.spans[0].failed


def test_without_an_sdk_there_are_no_spans() -> None:
    observer = Telemetry().observer(METHOD)
    assert observer.begin(Call(METHOD)).span is None
