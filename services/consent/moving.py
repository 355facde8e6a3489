"""A person says where they live and when they were born: store functions, each part of a transaction."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.consent.v1.consent_pb2 import ReceiptKind
from pulsemesh.consent.v1.events_pb2 import WithdrawalCause
from services.chassis import outbox
from services.chassis.errors import InvalidField
from services.consent import events, messages
from services.consent.errors import BirthMonthFixed
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import of_age_ms
from services.consent.store import people, words
from services.consent.store.answers import once
from services.consent.store.people import Record


def set_jurisdiction(
    conn: Connection, registrar: Registrar, origin: Origin, request: wire.SetJurisdictionRequest, now_ms: int
) -> wire.SetJurisdictionResponse:
    """Change whose rules hold; what was there already changes nothing.

    Raises:
        BirthMonthFixed, InvalidField, RequestIdReused
    """
    known = people.lock(conn, origin.user_id, now_ms)
    return once(
        conn,
        origin.user_id,
        request.request_id,
        request,
        make=lambda: _set(conn, registrar, origin, request, known, now_ms=now_ms),
        response_class=wire.SetJurisdictionResponse,
        now_ms=now_ms,
    )


def _set(
    conn: Connection,
    registrar: Registrar,
    origin: Origin,
    request: wire.SetJurisdictionRequest,
    known: Record,
    *,
    now_ms: int,
) -> wire.SetJurisdictionResponse:
    birth_month = _birth_month(known, request.birth_month, now_ms)
    moved = dataclasses.replace(
        known.person, country=request.country, region=request.region, birth_month=birth_month
    )
    response = wire.SetJurisdictionResponse(
        jurisdiction=messages.jurisdiction(registrar.decider, moved, now_ms), version=moved.version
    )
    if moved == known.person:
        return response
    said = words.of_person(conn, origin.user_id)
    before, after = registrar.allowed(known.person, said, now_ms), registrar.allowed(moved, said, now_ms)
    people.move(conn, origin.user_id, moved, now_ms)
    kind = ReceiptKind.RECEIPT_KIND_JURISDICTION
    link = registrar.append(conn, Record(moved, known.head_sha256), origin, kind, [], now_ms=now_ms)
    if lost := before - after:
        cause = WithdrawalCause.WITHDRAWAL_CAUSE_JURISDICTION
        event = events.withdrawn(
            origin.user_id, lost, link.sequence, link.receipt_id, cause=cause, now_ms=now_ms
        )
        outbox.append(conn, event)
    if gained := after - before:
        outbox.append(conn, events.granted(origin.user_id, gained, link.sequence, link.receipt_id, now_ms))
    response.lapsed.extend(sorted(lost))
    response.version = link.sequence
    return response


def _birth_month(known: Record, said: str, now_ms: int) -> str:
    """The month of birth from now on: what was given once stays, or anybody could grow up at will."""
    kept = known.person.birth_month
    if not said or said == kept:
        return kept
    if kept:
        raise BirthMonthFixed
    if of_age_ms(said, 0) > now_ms + 31 * 86_400_000 or said < "1900-01":
        raise InvalidField("birth_month", "must be a month in which somebody alive can be born")
    return said
