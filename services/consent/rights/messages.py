"""From rows to messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from pulsemesh.consent.v1 import rights_pb2


def request_message(row: Row[Any]) -> rights_pb2.RightsRequest:
    """A request as its owner, or the holder of its id, is told of it."""
    message = rights_pb2.RightsRequest.FromString(bytes(row.progress))
    message.rights_request_id = row.rights_request_id
    message.kind = row.kind
    message.state = row.state
    message.size_bytes = row.size_bytes
    message.created_at.FromMilliseconds(row.created_ms)
    message.due_at.FromMilliseconds(row.due_ms)
    if row.done_ms is not None:
        message.done_at.FromMilliseconds(row.done_ms)
    if row.expires_ms is not None:
        message.expires_at.FromMilliseconds(row.expires_ms)
    return message


def state_name(row: Row[Any]) -> str:
    """The state for people: "running"."""
    return rights_pb2.RightsState.Name(row.state).removeprefix("RIGHTS_STATE_").lower()
