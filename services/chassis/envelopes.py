"""An event about a person, ready for the outbox."""

from __future__ import annotations

from google.protobuf.message import Message

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.ulid import new_ulid
from services.chassis.auth.principal import cell_of
from services.chassis.call import find_call


def envelope(producer: str, user_id: str, event: Message, now_ms: int) -> envelope_pb2.Envelope:
    """An event of the service `producer` about a person; continues the trace of the call being served."""
    call = find_call()
    made = envelope_pb2.Envelope(
        event_id=new_ulid(now_ms),
        type=event.DESCRIPTOR.full_name,
        producer=producer,
        cell=cell_of(user_id),
        subject=user_id,
        traceparent=call.traceparent if call is not None else "",
        payload=event.SerializeToString(),
    )
    made.occurred_at.FromMilliseconds(now_ms)
    return made
