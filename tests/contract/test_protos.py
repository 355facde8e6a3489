"""Walks every contract: what must be said of each method and of each field that a client fills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from pulsemesh.policy.v1 import policy_pb2
from services.chassis.policy.contracts import contract_services

# Filled by the server alone, although a client's request can hold it.
OUTPUT_ONLY = {
    "pulsemesh.workout.v1.Workout": {"title", "notes", "sport", "sub_sport", "workout_id"},
}


def methods() -> Iterator[MethodDescriptor]:
    for name in contract_services():
        yield from policy_pb2.DESCRIPTOR.pool.FindServiceByName(name).methods


def request_fields() -> Iterator[tuple[str, FieldDescriptor]]:
    """Every field that a client can fill, by its full name, each once."""
    seen: set[str] = set()
    waiting = [method.input_type for method in methods()]
    while waiting:
        message: Descriptor = waiting.pop()
        if message.full_name in seen or message.file.package != "pulsemesh.workout.v1":
            continue
        seen.add(message.full_name)
        for field in message.fields:
            writable = OUTPUT_ONLY.get(message.full_name)
            if writable is not None and field.name not in writable:
                continue
            yield field.full_name, field
            if field.message_type is not None:
                waiting.append(field.message_type)


def rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]


def bounded(field: FieldDescriptor) -> bool:
    """True where a rule, or the type itself, says how much the field can hold."""
    rule = rules(field)
    if field.is_repeated:
        return rule.repeated.HasField("max_items")
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            text = rule.string
            return text.HasField("max_len") or text.HasField("len") or text.HasField("pattern")
        case FieldDescriptor.TYPE_BYTES:
            return rule.bytes.HasField("max_len")
        case _:
            return True


@pytest.mark.parametrize("method", list(methods()), ids=lambda method: method.full_name)
def test_every_method_states_its_policy(method: MethodDescriptor) -> None:
    options = method.GetOptions()
    assert options.HasExtension(policy_pb2.method)
    policy = options.Extensions[policy_pb2.method]
    assert policy.access
    assert policy.retry != policy_pb2.RETRY_UNSPECIFIED
    streams = method.client_streaming or method.server_streaming
    assert streams or policy.HasField("deadline")
    assert policy.rate_limit.calls
    assert policy.rate_limit.on_failure != policy_pb2.LIMIT_FAILURE_UNSPECIFIED


@pytest.mark.parametrize("method", list(methods()), ids=lambda method: method.full_name)
def test_reads_say_that_they_have_no_side_effects(method: MethodDescriptor) -> None:
    reads = (
        method.name.startswith(("Get", "List", "Find", "Read", "Watch", "Download", "Export", "Compare"))
        or method.name == "Check"
    )
    assert (method.GetOptions().idempotency_level == method.GetOptions().NO_SIDE_EFFECTS) == reads


@pytest.mark.parametrize("field", [pytest.param(field, id=name) for name, field in request_fields()])
def test_every_field_that_a_client_fills_is_bounded(field: FieldDescriptor) -> None:
    assert bounded(field)
