"""Checking messages against the rules that the contracts declare on their fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import protovalidate
from google.protobuf.message import DecodeError, Message

from services.chassis.errors import InvalidRequest

MAX_VIOLATIONS = 32
"""A message of a thousand bad items does not get a thousand descriptions back."""

_validator = protovalidate.Validator()


class Malformed:
    """What stands for bytes that are no message: the pipeline answers it once it knows who calls."""

    __slots__ = ()


MALFORMED = Malformed()


def reading(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """`deserialize` that gives `MALFORMED` instead of raising, which gRPC would answer with UNKNOWN."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return MALFORMED

    return read


def validate(message: Message) -> None:
    """
    Raises:
        InvalidRequest: with each field that breaks a rule, by its path; with none for `MALFORMED`.
    """
    require_message(message)
    violations = _validator.collect_violations(message)
    if violations:
        raise InvalidRequest([_describe(violation.proto) for violation in violations[:MAX_VIOLATIONS]])


def require_message(message: Any) -> None:
    """
    Raises:
        InvalidRequest: it is `MALFORMED`.
    """
    if message is MALFORMED:
        raise InvalidRequest((), "the bytes of the request are not a message of its kind")


def _describe(violation: Any) -> tuple[str, str]:
    return _path(violation.field), violation.message or violation.rule_id


def _path(field_path: Any) -> str:
    """A path as a client writes it: "batches[2].columns", "labels[\\"a\\"]"."""
    if field_path is None:
        return ""
    path = ""
    for element in field_path.elements:
        path += ("." if path else "") + element.field_name + _subscript(element.subscript)
    return path


def _subscript(subscript: Any) -> str:
    if subscript is None:
        return ""
    value = subscript.value
    return f'["{value}"]' if isinstance(value, str) else f"[{value}]"
