"""The record of a grant or a withdrawal: JSON with the fields of ISO/IEC TS 27560, signed, a link of a chain.

The digest of a link covers its signed text, which holds the digest of the link before: whoever changes, drops
or swaps a link breaks every one after it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws

from pulsemesh.consent.v1.consent_pb2 import ReceiptKind
from pulsemesh.policy.v1.policy_pb2 import PersonalData, Purpose
from services.consent.receipts.keys import ReceiptKeys
from services.consent.rules.jurisdictions import PurposeRules, Rules
from services.consent.rules.purposes import DATA_CATEGORIES, name_of, purpose_of
from services.consent.rules.texts import Text

ALGORITHM = "Ed25519"
TYPE = "consent-receipt+jws"
SCHEMA_VERSION = "ISO/IEC TS 27560:2023 pulsemesh/1"
FIRST = "0" * 64
"""What stands for the digest of the link before the first one."""

KIND_NAMES: Mapping[int, str] = {
    ReceiptKind.RECEIPT_KIND_GRANTED: "granted",
    ReceiptKind.RECEIPT_KIND_WITHDRAWN: "withdrawn",
    ReceiptKind.RECEIPT_KIND_JURISDICTION: "jurisdiction",
}


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data."""

    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class Link:
    """A signed record and where it stands.

    Attributes:
        sequence: from 1.
        sha256: of `jws`, in hexadecimal digits.
    """

    receipt_id: str
    sequence: int
    kind: int
    jws: str
    sha256: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What every receipt tells, whatever its kind.

    Attributes:
        method: how the person said it: "command line".
        client_id: the program with which they said it.
    """

    user_id: str
    country: str
    region: str
    rules: Rules
    method: str
    client_id: str


def granted_purpose(text: Text, terms: PurposeRules, rules: Rules) -> dict[str, Any]:
    """What a receipt of a grant says of one purpose."""
    return {
        "purpose": name_of(text.purpose),
        "notice": {
            "title": text.words.title,
            "version": text.version,
            "language": text.language,
            "sha256": text.sha256,
        },
        "lawful_basis": {"basis": terms.basis, "source": terms.source},
        "personal_data_categories": categories(text.purpose),
        "recipients": text.words.who_receives,
        "storage": {"retention": text.words.how_long, "residency_required": rules.residency.required},
        "withdrawal_method": text.words.how_to_withdraw,
        "validity_days": terms.renew_after_days or None,
    }


def categories(purpose: Purpose.ValueType) -> list[str]:
    """The kinds of data that a purpose touches."""
    return [
        PersonalData.Name(kind).removeprefix("PERSONAL_DATA_").lower() for kind in DATA_CATEGORIES[purpose]
    ]


def withdrawn_purpose(purpose: Purpose.ValueType, text_version: str) -> dict[str, Any]:
    """What a receipt of a withdrawal says of one purpose."""
    return {"purpose": name_of(purpose), "notice": {"version": text_version}}


def record(
    receipt_id: str,
    kind: ReceiptKind.ValueType,
    controller: Controller,
    circumstances: Circumstances,
    purposes: Sequence[Mapping[str, Any]],
    *,
    sequence: int,
    previous_sha256: str,
    now_ms: int,
) -> dict[str, Any]:
    """The record before it is signed."""
    rules = circumstances.rules
    return {
        "schema_version": SCHEMA_VERSION,
        "record_id": receipt_id,
        "pii_principal_id": circumstances.user_id,
        "pii_controllers": [{"name": controller.name, "contact": controller.contact}],
        "jurisdiction": {
            "country": circumstances.country,
            "region": circumstances.region,
            "rules": rules.name,
            "law": rules.law,
            "transfer_basis": rules.transfer.basis,
        },
        "event": {
            "type": KIND_NAMES[kind],
            "time": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "collection_method": circumstances.method,
            "client": circumstances.client_id,
        },
        "purposes": [dict(purpose) for purpose in purposes],
        "chain": {"sequence": sequence, "previous_sha256": previous_sha256},
    }


def sign(keys: ReceiptKeys, receipt: Mapping[str, Any], kind: ReceiptKind.ValueType, now_ms: int) -> Link:
    """The signed link of a record."""
    payload = json.dumps(receipt, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    header = {"alg": ALGORITHM, "kid": keys.signing.kid, "typ": TYPE}
    signed = jws.serialize_compact(header, payload, keys.signing, algorithms=[ALGORITHM])
    return Link(
        receipt_id=receipt["record_id"],
        sequence=receipt["chain"]["sequence"],
        kind=kind,
        jws=signed,
        sha256=digest(signed),
        made_ms=now_ms,
    )


def digest(signed: str) -> str:
    """The digest by which the next link names this one."""
    return hashlib.sha256(signed.encode()).hexdigest()


def told_purposes(link: Link) -> list[Purpose.ValueType]:
    """The purposes that a link tells of; its signature is not looked at."""
    body = link.jws.split(".")[1]
    told = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return [purpose_of(purpose["purpose"]) for purpose in told["purposes"]]
