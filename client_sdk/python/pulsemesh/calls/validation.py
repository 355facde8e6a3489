"""Checks requests against the rules in their contracts before they travel, where protovalidate is there."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from google.protobuf.message import Message

from pulsemesh.error.v1 import reason_pb2
from pulsemesh.errors import FieldViolation, InvalidArgument

__all__ = ["check"]

Collect = Callable[[Message], list[Any]]


@cache
def _collector() -> Collect | None:
    """Return protovalidate's check, imported on first use: it takes longer than all the rest of the SDK."""
    try:
        return cast(Collect, importlib.import_module("protovalidate").collect_violations)
    except ImportError:
        return None  # the extra `validation` is not installed: the server checks alone


def check(request: Message, method: str) -> None:
    """Raise `InvalidArgument` with the fields at fault where `request` breaks its contract."""
    collect = _collector()
    broken = collect(request) if collect is not None else None
    if not broken:
        return
    violations = [FieldViolation(_path(one.proto.field), one.proto.message) for one in broken]
    raise InvalidArgument(
        "The request is not valid",
        reason=reason_pb2.ERROR_REASON_FIELD_INVALID,
        violations=violations,
        method=method,
    )


def _path(path: Any) -> str:
    """Return a field path as people write it: `workout.title`, `states[2]`, `labels["a"]`."""
    text = ""
    for element in path.elements if path is not None else ():
        text += f".{element.field_name}" if text else element.field_name
        text += _subscript(element)
    return text


def _subscript(element: Any) -> str:
    chosen = element.subscript
    if chosen is None:
        return ""
    value = getattr(chosen, "value", chosen)
    return f"[{value}]" if isinstance(value, int) else f'["{value}"]'
