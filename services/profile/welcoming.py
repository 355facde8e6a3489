"""A person has an account: the profile begins in the language that was signed up in."""

from __future__ import annotations

from pulsemesh.auth.v1 import events_pb2 as auth_events
from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.database import Transaction
from services.profile.store import profiles

ACCOUNT_CREATED = auth_events.AccountCreated.DESCRIPTOR.full_name

_LONGEST_TAG = 64


async def welcome(transaction: Transaction, envelope: Envelope) -> None:
    """The handler of `ACCOUNT_CREATED`: make the profile, unless the person was here before the event."""
    event = auth_events.AccountCreated.FromString(envelope.payload)
    at_ms = envelope.occurred_at.ToMilliseconds()
    await transaction.run(profiles.lock, event.user_id, at_ms, event.language[:_LONGEST_TAG])
