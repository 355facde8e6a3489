"""An account is to be deleted: that is an erasure of everything."""

from __future__ import annotations

from collections.abc import Callable

from pulsemesh.auth.v1 import events_pb2 as auth_events
from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction
from services.consent.rights import requesting

DELETION_REQUESTED = auth_events.AccountDeletionRequested.DESCRIPTOR.full_name


def deletion_consumer(database: Database, clock_ms: Callable[[], int]) -> Consumer:
    """Makes a request for erasure of each wish to delete an account. Nobody could sign in to take it back."""

    async def follow(transaction: Transaction, envelope: Envelope) -> None:
        await transaction.run(requesting.request_now, envelope.subject, clock_ms())

    return Consumer("consent.account_deletions", [DELETION_REQUESTED], follow, database)
