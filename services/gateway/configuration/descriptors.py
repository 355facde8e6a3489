"""The contracts in the form in which the gateway reads them to turn REST into gRPC.

Only what decides the form of messages stays: types, names, paths. Rules of validation, policies and comments
are the services' affair, and would be shown to nobody here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.api import annotations_pb2  # type: ignore[import-untyped]
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2  # type: ignore[import-untyped]

from services.gateway.exposure import ExposedMethod
from services.gateway.rest import http_rules

_LEFT_OUT = ("buf/validate/", "pulsemesh/policy/")


def transcoded_services(methods: Iterable[ExposedMethod]) -> list[str]:
    """The full names of the services with a method that declares a REST path."""
    return sorted({exposed.method.service for exposed in methods if http_rules(exposed.method)})


def descriptor_set(methods: Iterable[ExposedMethod]) -> bytes:
    """A serialized `FileDescriptorSet` of the services that have REST paths, and of all they refer to."""
    exposed = list(methods)
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    _collect(error_details_pb2.DESCRIPTOR, files)
    for service in transcoded_services(exposed):
        method = next(one.method for one in exposed if one.method.service == service)
        # The Python descriptor of a message leads to its file, hence to the service's: both lie in one.
        pool = method.request_class.DESCRIPTOR.file.pool
        _collect(pool.FindServiceByName(service).file, files)
    _leave_routed_methods(files.values(), exposed)
    return descriptor_pb2.FileDescriptorSet(file=files.values()).SerializeToString(deterministic=True)


def _collect(file: Any, found: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Add a file behind those that it imports."""
    if file.name in found or file.name.startswith(_LEFT_OUT):
        return
    for imported in sorted(file.dependencies, key=lambda one: one.name):
        _collect(imported, found)
    copy = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(copy)
    kept = [name for name in copy.dependency if not name.startswith(_LEFT_OUT)]
    copy.ClearField("dependency")
    copy.ClearField("public_dependency")
    copy.dependency.extend(kept)
    copy.ClearField("source_code_info")
    for options in _options(copy):
        _strip(options)
    found[file.name] = copy


def _leave_routed_methods(
    files: Iterable[descriptor_pb2.FileDescriptorProto], methods: Iterable[ExposedMethod]
) -> None:
    """Take out the services' methods that have no route: they are nobody's business outside."""
    paths = {exposed.method.path for exposed in methods}
    for file in files:
        for service in file.service:
            kept = [one for one in service.method if f"/{file.package}.{service.name}/{one.name}" in paths]
            service.ClearField("method")
            service.method.extend(kept)


def _options(message: Message) -> Iterator[Any]:
    """Every options message inside a file's descriptor."""
    for field, value in message.ListFields():
        if field.name == "options":
            yield value
        elif field.message_type is not None:
            for one in value if field.is_repeated else (value,):
                yield from _options(one)


def _strip(options: Any) -> None:
    """Drop every extension but the REST path."""
    for field, _ in options.ListFields():
        if field.is_extension and field.full_name != annotations_pb2.http.full_name:
            options.ClearExtension(field)
    options.DiscardUnknownFields()
