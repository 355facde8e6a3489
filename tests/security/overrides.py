"""Requests that rules across fields ask for, which no rule of a single field shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from services.chassis.policy import MethodInfo
from tests.security.messages import minimal

OVERRIDES: dict[str, Callable[[Any], None]] = {}


def request_for(method: MethodInfo, given: Mapping[str, str] | None = None) -> Message:
    """A valid request of a method, with these texts in fields of these names."""
    request = minimal(method.request_class, given)
    change = OVERRIDES.get(method.request_class.DESCRIPTOR.name)
    if change is not None:
        change(request)
    return request
