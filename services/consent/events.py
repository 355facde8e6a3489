"""What the consent service publishes, in the envelopes that the outbox takes."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.message import Message

from pulsemesh.consent.v1 import events_pb2
from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis import envelopes

PRODUCER = "consent"


def granted(
    user_id: str, purposes: Iterable[Purpose.ValueType], version: int, receipt_id: str, now_ms: int
) -> envelope_pb2.Envelope:
    """Purposes are allowed that were not."""
    event = events_pb2.ConsentGranted(
        user_id=user_id, purposes=sorted(purposes), version=version, receipt_id=receipt_id
    )
    event.effective_at.FromMilliseconds(now_ms)
    return _envelope(user_id, event, now_ms)


def withdrawn(
    user_id: str,
    purposes: Iterable[Purpose.ValueType],
    version: int,
    receipt_id: str,
    *,
    cause: events_pb2.WithdrawalCause.ValueType,
    now_ms: int,
) -> envelope_pb2.Envelope:
    """Purposes are not allowed any more."""
    event = events_pb2.ConsentWithdrawn(
        user_id=user_id, purposes=sorted(purposes), version=version, receipt_id=receipt_id, cause=cause
    )
    event.effective_at.FromMilliseconds(now_ms)
    return _envelope(user_id, event, now_ms)


def _envelope(user_id: str, event: Message, now_ms: int) -> envelope_pb2.Envelope:
    return envelopes.envelope(PRODUCER, user_id, event, now_ms)
