"""The fields of a request that travel in the path and in the query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from services.gateway.openapi.schemas import WELL_KNOWN, Schemas
from services.gateway.rest import HttpRule

DEEPEST = 3
"""Messages inside messages whose fields still have names that somebody would write into a query."""


def field_at(message: Any, path: str) -> FieldDescriptor:
    """The field of a dotted name.

    Raises:
        KeyError: there is none.
    """
    name, _, rest = path.partition(".")
    field = message.fields_by_name[name]
    return field_at(field.message_type, rest) if rest else field


def path_parameters(request: Any, rule: HttpRule, schemas: Schemas) -> Iterator[dict[str, Any]]:
    """What stands in the path."""
    for name in rule.variables:
        schema = schemas.of_field(field_at(request, name))
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def query_parameters(request: Any, rule: HttpRule, schemas: Schemas) -> Iterator[dict[str, Any]]:
    """What neither the path nor the body holds; fields of messages inside by their dotted names."""
    if rule.body == "*":
        return
    for name, field in _leaves(request, "", 1):
        if name in rule.variables or name.partition(".")[0] == rule.body:
            continue
        yield {"name": name, "in": "query", "schema": schemas.of_field(field)}


def _leaves(message: Any, prefix: str, depth: int) -> Iterator[tuple[str, FieldDescriptor]]:
    for field in message.fields:
        inner = field.message_type
        if inner is None or inner.full_name in WELL_KNOWN:
            yield prefix + field.name, field
        elif not field.is_repeated and depth < DEEPEST:
            yield from _leaves(inner, f"{prefix}{field.name}.", depth + 1)
