"""Taking out of a message what a view does not show. Pure.

A domain describes its messages by a `Shape`: for each field, by its full name, the aspects that must all be
visible. A field that no shape names is taken out: what is new is hidden until somebody thought about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from google.protobuf.message import Message

from services.chassis.privacy.aspects import Aspect
from services.chassis.privacy.deciding import View

Needs: TypeAlias = frozenset[Aspect]
Shape: TypeAlias = Mapping[str, Needs]
"""From "pulsemesh.profile.v1.PublicProfile.bio" to the aspects that it needs; an empty set needs none."""


def show_fields(view: View, message: Message, shape: Shape) -> None:
    """Clear, in place and at every depth, the fields of which the view does not show all that they need."""
    for field, value in message.ListFields():
        needs = shape.get(field.full_name)
        if needs is None or not view.aspects >= needs:
            message.ClearField(field.name)
        elif field.message_type is not None and not _is_well_known(field.message_type.full_name):
            for inner in value if field.is_repeated else (value,):
                show_fields(view, inner, shape)


def show_channels(view: View, channels: Iterable[int], needs: Mapping[int, Needs]) -> frozenset[int]:
    """Those channels of which the view shows all that they need; one that `needs` does not name, never."""
    return frozenset(channel for channel in channels if channel in needs and view.aspects >= needs[channel])


def unshaped_fields(message: type[Message], shape: Shape) -> list[str]:
    """Fields of a message, at every depth, that the shape says nothing about: for the tests of a domain."""
    missing: list[str] = []
    waiting, seen = [message.DESCRIPTOR], set()
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name in seen:
            continue
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.full_name not in shape:
                missing.append(field.full_name)
            elif field.message_type is not None and not _is_well_known(field.message_type.full_name):
                waiting.append(field.message_type)
    return sorted(missing)


def _is_well_known(name: str) -> bool:
    return name.startswith("google.protobuf.")
