"""What the profile service publishes, in the envelopes that the outbox takes."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.message import Message

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.profile.v1 import events_pb2, physiology_pb2
from services.chassis import envelopes

PRODUCER = "profile"


def profile_changed(user_id: str, fields: Iterable[str], now_ms: int) -> envelope_pb2.Envelope:
    """Something that others may see of a person changed."""
    return _envelope(
        user_id, events_pb2.ProfileChanged(user_id=user_id, changed_fields=sorted(fields)), now_ms
    )


def privacy_changed(user_id: str, version: int, now_ms: int) -> envelope_pb2.Envelope:
    """What others may see changed."""
    return _envelope(user_id, events_pb2.PrivacyChanged(user_id=user_id, version=version), now_ms)


def physiology_changed(
    user_id: str,
    *,
    told: Iterable[physiology_pb2.PhysiologyValue] = (),
    taken_back: Iterable[physiology_pb2.PhysiologyValue] = (),
    now_ms: int,
) -> envelope_pb2.Envelope:
    """Thresholds were told here, or taken back."""
    event = events_pb2.PhysiologyChanged(user_id=user_id, told=told, taken_back=taken_back)
    return _envelope(user_id, event, now_ms)


def _envelope(user_id: str, event: Message, now_ms: int) -> envelope_pb2.Envelope:
    return envelopes.envelope(PRODUCER, user_id, event, now_ms)
