"""The part of Envoy's rate limit protocol that is spoken here.

The messages are described in a pool of their own: nothing else that knows Envoy's protocols in this process,
whichever version of them, meets these. Fields that are not described are skipped, as protobuf does.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "envoy.service.ratelimit.v3"
SERVICE = f"{PACKAGE}.RateLimitService"
METHOD = "ShouldRateLimit"

OK = 1
OVER_LIMIT = 2

_Field = descriptor_pb2.FieldDescriptorProto


def _field(message: Any, name: str, number: int, kind: int, *, repeated: bool = False, of: str = "") -> None:
    field = message.field.add(name=name, number=number, type=kind)
    field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if of:
        field.type_name = of


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="pulsemesh_rate_limit_protocol.proto", package=PACKAGE, syntax="proto3"
    )
    entry = file.message_type.add(name="Entry")
    _field(entry, "key", 1, _Field.TYPE_STRING)
    _field(entry, "value", 2, _Field.TYPE_STRING)
    descriptor = file.message_type.add(name="Descriptor")
    _field(descriptor, "entries", 1, _Field.TYPE_MESSAGE, repeated=True, of=f".{PACKAGE}.Entry")
    request = file.message_type.add(name="RateLimitRequest")
    _field(request, "domain", 1, _Field.TYPE_STRING)
    _field(request, "descriptors", 2, _Field.TYPE_MESSAGE, repeated=True, of=f".{PACKAGE}.Descriptor")
    _field(request, "hits_addend", 3, _Field.TYPE_UINT32)
    status = file.message_type.add(name="DescriptorStatus")
    _field(status, "code", 1, _Field.TYPE_INT32)
    response = file.message_type.add(name="RateLimitResponse")
    _field(response, "overall_code", 1, _Field.TYPE_INT32)
    _field(response, "statuses", 2, _Field.TYPE_MESSAGE, repeated=True, of=f".{PACKAGE}.DescriptorStatus")
    return file


def _classes() -> tuple[Any, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    found = [
        pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in ("RateLimitRequest", "RateLimitResponse")
    ]
    request, response = (message_factory.GetMessageClass(one) for one in found)
    return request, response


RateLimitRequest, RateLimitResponse = _classes()
"""`domain`, `descriptors[].entries[].key/value`; `overall_code`, `statuses[].code`."""
