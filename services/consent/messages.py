"""From what is known to what is answered."""

from __future__ import annotations

from collections.abc import Mapping

from pulsemesh.consent.v1 import consent_pb2
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.receipts.record import Link, told_purposes
from services.consent.registrar import word_of
from services.consent.rules.deciding import Decider, Person, may_consent
from services.consent.rules.jurisdictions import age_of_consent, purpose_rules
from services.consent.rules.purposes import DATA_CATEGORIES
from services.consent.rules.texts import Text
from services.consent.store.words import Kept

_MODES = {
    "opt_in": consent_pb2.CONSENT_MODE_OPT_IN,
    "opt_out": consent_pb2.CONSENT_MODE_OPT_OUT,
}
_BASES = {
    "consent": consent_pb2.LAWFUL_BASIS_CONSENT,
    "explicit_consent": consent_pb2.LAWFUL_BASIS_EXPLICIT_CONSENT,
    "legitimate_interest": consent_pb2.LAWFUL_BASIS_LEGITIMATE_INTEREST,
}


def jurisdiction(decider: Decider, person: Person, now_ms: int) -> consent_pb2.Jurisdiction:
    """Where a person lives, and what follows from it."""
    rules = decider.rules(person)
    return consent_pb2.Jurisdiction(
        country=person.country,
        region=person.region,
        rules=rules.name,
        law=rules.law,
        age_of_consent=age_of_consent(rules, person.country),
        residency_required=rules.residency.required,
        transfer_basis=rules.transfer.basis,
        age_known=bool(person.birth_month),
        may_consent=may_consent(person, rules, now_ms) is None,
    )


def consents(
    decider: Decider, person: Person, words: Mapping[Purpose.ValueType, Kept], now_ms: int
) -> list[consent_pb2.Consent]:
    """What holds for every purpose that is offered where a person lives."""
    rules = decider.rules(person)
    return [
        _consent(decider, person, purpose, words, now_ms)
        for purpose in DATA_CATEGORIES
        if purpose_rules(rules, purpose).offered
    ]


def _consent(
    decider: Decider,
    person: Person,
    purpose: Purpose.ValueType,
    words: Mapping[Purpose.ValueType, Kept],
    now_ms: int,
) -> consent_pb2.Consent:
    decision = decider.decide(person, purpose, word_of(words, purpose), now_ms)
    message = consent_pb2.Consent(
        purpose=purpose,
        granted=decision.granted,
        reason=decision.reason,
        current_version=decider.texts.current(purpose, decider.rules(person).name, now_ms),
    )
    kept = words.get(purpose)
    if kept is not None:
        message.text_version = kept.word.text_version
        message.language = kept.language
        message.receipt_id = kept.receipt_id
        message.changed_at.FromMilliseconds(kept.word.changed_ms)
    if decision.until_ms is not None:
        message.expires_at.FromMilliseconds(decision.until_ms)
    return message


def receipt(link: Link) -> consent_pb2.Receipt:
    """A link of a chain."""
    message = consent_pb2.Receipt(
        receipt_id=link.receipt_id,
        sequence=link.sequence,
        kind=consent_pb2.ReceiptKind.ValueType(link.kind),
        jws=link.jws,
        sha256=link.sha256,
        purposes=told_purposes(link),
    )
    message.made_at.FromMilliseconds(link.made_ms)
    return message


def offered(decider: Decider, person: Person, text: Text) -> consent_pb2.OfferedPurpose:
    """A purpose as it is offered to a person."""
    rules = decider.rules(person)
    terms = purpose_rules(rules, text.purpose)
    return consent_pb2.OfferedPurpose(
        text=_text(text),
        mode=_MODES[terms.mode],
        lawful_basis=_BASES[terms.basis],
        data_categories=DATA_CATEGORIES[text.purpose],
        age_of_consent=age_of_consent(rules, person.country),
        renew_after_days=terms.renew_after_days,
    )


def _text(text: Text) -> consent_pb2.PurposeText:
    message = consent_pb2.PurposeText(
        purpose=text.purpose,
        jurisdiction=text.jurisdiction,
        version=text.version,
        language=text.language,
        sha256=text.sha256,
        your_rights=text.rights,
        **text.words.model_dump(),
    )
    message.effective_at.FromMilliseconds(text.effective_ms)
    return message
