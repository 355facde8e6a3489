"""A person takes an agreement back, or objects: store functions, each part of a transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.consent.v1.consent_pb2 import ReceiptKind
from pulsemesh.consent.v1.events_pb2 import WithdrawalCause
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis import outbox
from services.consent import events, messages
from services.consent.receipts.record import withdrawn_purpose
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import Word
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.store import people, words
from services.consent.store.answers import once
from services.consent.store.people import Record
from services.consent.store.words import Kept

MARKETING_CHANNELS = (
    Purpose.PURPOSE_MARKETING_EMAIL,
    Purpose.PURPOSE_MARKETING_SMS,
    Purpose.PURPOSE_MARKETING_PUSH,
    Purpose.PURPOSE_MARKETING_IN_APP,
)


def withdraw(
    conn: Connection, registrar: Registrar, origin: Origin, request: wire.WithdrawConsentsRequest, now_ms: int
) -> wire.WithdrawConsentsResponse:
    """Take agreements back; a repeat of the request is given the first answer.

    Nobody is refused: neither their age nor where they live matters.

    Raises:
        RequestIdReused
    """
    known = people.lock(conn, origin.user_id, now_ms)
    return once(
        conn,
        origin.user_id,
        request.request_id,
        request,
        make=lambda: _withdraw(conn, registrar, origin, request, known, now_ms=now_ms),
        response_class=wire.WithdrawConsentsResponse,
        now_ms=now_ms,
    )


def _withdraw(
    conn: Connection,
    registrar: Registrar,
    origin: Origin,
    request: wire.WithdrawConsentsRequest,
    known: Record,
    *,
    now_ms: int,
) -> wire.WithdrawConsentsResponse:
    before = words.of_person(conn, origin.user_id)
    purposes = named(request.purposes)
    link = registrar.append(
        conn,
        known,
        origin,
        ReceiptKind.RECEIPT_KIND_WITHDRAWN,
        [withdrawn_purpose(purpose, _agreed_to(before.get(purpose))) for purpose in purposes],
        now_ms=now_ms,
    )
    said = {purpose: _taken_back(before.get(purpose), link.receipt_id, now_ms) for purpose in purposes}
    words.put(conn, origin.user_id, said)
    # What was agreed to once and lapsed meanwhile counts, too: something may still be kept because of it.
    lost = {purpose for purpose, kept in before.items() if kept.word.granted and purpose in said}
    lost |= registrar.allowed(known.person, before, now_ms) & said.keys()
    if lost:
        cause = WithdrawalCause.WITHDRAWAL_CAUSE_PERSON
        event = events.withdrawn(
            origin.user_id, lost, link.sequence, link.receipt_id, cause=cause, now_ms=now_ms
        )
        outbox.append(conn, event)
    return wire.WithdrawConsentsResponse(
        consents=messages.consents(registrar.decider, known.person, before | said, now_ms),
        receipt=messages.receipt(link),
        version=link.sequence,
    )


def named(purposes: Iterable[Purpose.ValueType]) -> list[Purpose.ValueType]:
    """The purposes that are meant: marketing as such means all of its channels."""
    meant = set(purposes)
    if Purpose.PURPOSE_MARKETING in meant:
        meant |= set(MARKETING_CHANNELS)
    return [purpose for purpose in DATA_CATEGORIES if purpose in meant]


def _agreed_to(kept: Kept | None) -> str:
    return "" if kept is None else kept.word.text_version


def _taken_back(kept: Kept | None, receipt_id: str, now_ms: int) -> Kept:
    language = "" if kept is None else kept.language
    return Kept(Word(False, _agreed_to(kept), now_ms), language, receipt_id)
