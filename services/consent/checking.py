"""Answers to services: which purposes are allowed. The path that is walked most; two reads by primary key."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.consent.v1 import consent_pb2
from pulsemesh.consent.v1 import consent_service_pb2 as wire
from services.consent.registrar import word_of
from services.consent.rights.store import restricted_ms
from services.consent.rules.deciding import Decider
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.store import people, words


def check(conn: Connection, decider: Decider, request: wire.CheckRequest, now_ms: int) -> wire.CheckResponse:
    """Decide on the purposes that are asked about, on all when none is."""
    person = people.find(conn, request.user_id).person
    said = words.of_person(conn, request.user_id)
    response = wire.CheckResponse(version=person.version)
    until: list[int] = []
    restricted = restricted_ms(conn, request.user_id) is not None
    for purpose in request.purposes or DATA_CATEGORIES:
        if restricted:
            reason = consent_pb2.DECISION_REASON_RESTRICTED
            response.decisions.append(consent_pb2.Decision(purpose=purpose, granted=False, reason=reason))
            continue
        decision = decider.decide(person, purpose, word_of(said, purpose), now_ms)
        response.decisions.append(
            consent_pb2.Decision(purpose=purpose, granted=decision.granted, reason=decision.reason)
        )
        if decision.until_ms is not None:
            until.append(decision.until_ms)
    if until:
        response.valid_until.FromMilliseconds(min(until))
    return response
