"""What the auth service publishes, in the envelopes that the outbox takes."""

from __future__ import annotations

from google.protobuf.message import Message

from pulsemesh.auth.v1 import events_pb2
from pulsemesh.event.v1 import envelope_pb2
from services.auth.store.sessions import SessionRow
from services.chassis import envelopes

PRODUCER = "auth"


def account_created(
    user_id: str, country: str, language: str, at_least_years: int, now_ms: int
) -> envelope_pb2.Envelope:
    """A person has an account."""
    event = events_pb2.AccountCreated(
        user_id=user_id, country=country, language=language, at_least_years=at_least_years
    )
    return envelope(user_id, event, now_ms)


def email_verified(user_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """A person proved to own their address."""
    return envelope(user_id, events_pb2.EmailVerified(user_id=user_id), now_ms)


def password_changed(user_id: str, now_ms: int, *, by_reset: bool) -> envelope_pb2.Envelope:
    """A password was set."""
    return envelope(user_id, events_pb2.PasswordChanged(user_id=user_id, by_reset=by_reset), now_ms)


def session_opened(session: SessionRow, now_ms: int) -> envelope_pb2.Envelope:
    """A person signed in, or let a program in."""
    event = events_pb2.SessionOpened(
        user_id=session.user_id,
        session_id=session.session_id,
        client_id=session.client_id,
        methods=sorted(session.methods),
    )
    return envelope(session.user_id, event, now_ms)


def session_ended(
    user_id: str, session_id: str, reason: events_pb2.SessionEndReason.ValueType, now_ms: int
) -> envelope_pb2.Envelope:
    """A session ended."""
    event = events_pb2.SessionEnded(user_id=user_id, session_id=session_id, reason=reason)
    return envelope(user_id, event, now_ms)


def account_deletion_requested(user_id: str, now_ms: int) -> envelope_pb2.Envelope:
    """A person asks for everything of theirs to be erased."""
    event = events_pb2.AccountDeletionRequested(user_id=user_id)
    event.requested_at.FromMilliseconds(now_ms)
    return envelope(user_id, event, now_ms)


def envelope(user_id: str, event: Message, now_ms: int) -> envelope_pb2.Envelope:
    """An event of this service about a person, for the outbox."""
    return envelopes.envelope(PRODUCER, user_id, event, now_ms)
