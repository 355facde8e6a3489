"""What every change of consents has in common: the next link of the chain, signed, and the new head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pulsemesh.consent.v1.consent_pb2 import ReceiptKind
from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.ulid import new_ulid
from services.consent.receipts.keys import ReceiptKeys
from services.consent.receipts.record import FIRST, Circumstances, Controller, Link, record, sign
from services.consent.rules.deciding import Decider, Person, Word
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.store import people, receipts
from services.consent.store.people import Record
from services.consent.store.words import Kept


@dataclass(frozen=True, slots=True)
class Origin:
    """How a change came to us.

    Attributes:
        method: how the person said it, for the receipt.
        client_id: the program with which they said it.
    """

    user_id: str
    method: str
    client_id: str


class Registrar:
    """Decides, and keeps receipts.

    Attributes:
        decider: by which rules and texts.
        keys: with which receipts are signed.
    """

    def __init__(self, decider: Decider, keys: ReceiptKeys, controller: Controller) -> None:
        self.decider = decider
        self.keys = keys
        self._controller = controller

    def allowed(
        self, person: Person, words: Mapping[Purpose.ValueType, Kept], now_ms: int
    ) -> frozenset[Purpose.ValueType]:
        """Every purpose that is allowed now."""
        return frozenset(
            purpose
            for purpose in DATA_CATEGORIES
            if self.decider.decide(person, purpose, word_of(words, purpose), now_ms).granted
        )

    def append(
        self,
        conn: Connection,
        known: Record,
        origin: Origin,
        kind: ReceiptKind.ValueType,
        purposes: Sequence[Mapping[str, Any]],
        *,
        now_ms: int,
    ) -> Link:
        """Sign and keep the next link of a person who is locked."""
        person = known.person
        receipt = record(
            new_ulid(now_ms),
            kind,
            self._controller,
            Circumstances(
                user_id=origin.user_id,
                country=person.country,
                region=person.region,
                rules=self.decider.rules(person),
                method=origin.method,
                client_id=origin.client_id,
            ),
            purposes,
            sequence=person.version + 1,
            previous_sha256=known.head_sha256 or FIRST,
            now_ms=now_ms,
        )
        link = sign(self.keys, receipt, kind, now_ms)
        receipts.append(conn, origin.user_id, link)
        people.advance(conn, origin.user_id, link.sequence, link.sha256, now_ms)
        return link


def word_of(words: Mapping[Purpose.ValueType, Kept], purpose: Purpose.ValueType) -> Word | None:
    """A person's last word on a purpose, None where there is none."""
    kept = words.get(purpose)
    return None if kept is None else kept.word
