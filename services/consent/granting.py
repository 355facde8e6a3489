"""A person agrees: store functions, each part of a transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.consent.v1.consent_pb2 import DecisionReason, ReceiptKind
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis import outbox
from services.chassis.errors import InvalidField
from services.consent import events, messages
from services.consent.errors import AgeUnknown, ParentalConsentNeeded, PurposeNotOffered, TextOutdated
from services.consent.receipts.record import granted_purpose
from services.consent.registrar import Origin, Registrar
from services.consent.rules.deciding import Person, Word, may_consent
from services.consent.rules.jurisdictions import age_of_consent, purpose_rules
from services.consent.rules.texts import LANGUAGES, Text
from services.consent.store import people, words
from services.consent.store.answers import once
from services.consent.store.people import Record
from services.consent.store.words import Kept


def grant(
    conn: Connection, registrar: Registrar, origin: Origin, request: wire.GrantConsentsRequest, now_ms: int
) -> wire.GrantConsentsResponse:
    """Agree to all that was shown, or to nothing; a repeat of the request is given the first answer.

    Raises:
        TextOutdated, AgeUnknown, ParentalConsentNeeded, PurposeNotOffered, InvalidField, RequestIdReused
    """
    known = people.lock(conn, origin.user_id, now_ms)
    return once(
        conn,
        origin.user_id,
        request.request_id,
        request,
        make=lambda: _grant(conn, registrar, origin, request, known, now_ms=now_ms),
        response_class=wire.GrantConsentsResponse,
        now_ms=now_ms,
    )


def _grant(
    conn: Connection,
    registrar: Registrar,
    origin: Origin,
    request: wire.GrantConsentsRequest,
    known: Record,
    *,
    now_ms: int,
) -> wire.GrantConsentsResponse:
    shown = _shown(registrar, known.person, request, now_ms)
    _require_age(registrar, known.person, now_ms)
    rules = registrar.decider.rules(known.person)
    before = words.of_person(conn, origin.user_id)
    link = registrar.append(
        conn,
        known,
        origin,
        ReceiptKind.RECEIPT_KIND_GRANTED,
        [granted_purpose(text, purpose_rules(rules, purpose), rules) for purpose, text in shown.items()],
        now_ms=now_ms,
    )
    said = {
        purpose: Kept(Word(True, text.version, now_ms), text.language, link.receipt_id)
        for purpose, text in shown.items()
    }
    words.put(conn, origin.user_id, said)
    after = before | said
    gained = registrar.allowed(known.person, after, now_ms) - registrar.allowed(known.person, before, now_ms)
    if gained:
        outbox.append(conn, events.granted(origin.user_id, gained, link.sequence, link.receipt_id, now_ms))
    return wire.GrantConsentsResponse(
        consents=messages.consents(registrar.decider, known.person, after, now_ms),
        receipt=messages.receipt(link),
        version=link.sequence,
    )


def _shown(
    registrar: Registrar, person: Person, request: wire.GrantConsentsRequest, now_ms: int
) -> dict[Purpose.ValueType, Text]:
    """The texts that were shown, when they are those that hold now."""
    decider, shown = registrar.decider, dict[Purpose.ValueType, Text]()
    rules = decider.rules(person)
    for ordinal, text in enumerate(request.texts):
        if text.purpose in shown:
            raise InvalidField(f"texts[{ordinal}].purpose", "is there twice")
        if text.language not in LANGUAGES:
            raise InvalidField(f"texts[{ordinal}].language", f"must be one of {', '.join(LANGUAGES)}")
        if not purpose_rules(rules, text.purpose).offered:
            raise PurposeNotOffered(text.purpose, rules.name)
        current = decider.texts.shown(text.purpose, rules.name, text.language, now_ms)
        if text.version != current.version:
            raise TextOutdated(text.purpose, text.version, current.version)
        shown[text.purpose] = current
    return shown


def _require_age(registrar: Registrar, person: Person, now_ms: int) -> None:
    rules = registrar.decider.rules(person)
    years = age_of_consent(rules, person.country)
    match may_consent(person, rules, now_ms):
        case DecisionReason.DECISION_REASON_AGE_UNKNOWN:
            raise AgeUnknown(years)
        case DecisionReason.DECISION_REASON_MINOR:
            source = rules.countries.get(person.country, rules.age_of_consent).source
            raise ParentalConsentNeeded(years, rules.name, source)
