"""Receipts: signed, chained, and every way of tampering with them is found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.consent.v1.consent_pb2 import ReceiptKind
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.receipts import keys as keys_module
from services.consent.receipts.keys import ReceiptKeys, in_memory, load_or_create
from services.consent.receipts.record import (
    FIRST,
    Circumstances,
    Controller,
    Link,
    digest,
    granted_purpose,
    record,
    sign,
    told_purposes,
)
from services.consent.receipts.verifying import ReceiptForged, findings, payload
from services.consent.rules.jurisdictions import jurisdictions, purpose_rules
from services.consent.rules.texts import texts

NOW_MS = 1_795_000_000_000
KEYS = in_memory()
USER = "eu_01J0000000000000000000TEST"
GRANTED = ReceiptKind.RECEIPT_KIND_GRANTED


def chain(length: int, *, keys: ReceiptKeys = KEYS, user_id: str = USER) -> list[Link]:
    rules = jurisdictions().named("EU")
    terms = purpose_rules(rules, Purpose.PURPOSE_RESEARCH)
    text = texts().shown(Purpose.PURPOSE_RESEARCH, "EU", "en", NOW_MS)
    links: list[Link] = []
    for number in range(1, length + 1):
        receipt = record(
            f"{number:026d}",
            GRANTED,
            Controller("Test", "test@example.org"),
            Circumstances(user_id, "DE", "", rules, "test", "tests"),
            [granted_purpose(text, terms, rules)],
            sequence=number,
            previous_sha256=links[-1].sha256 if links else FIRST,
            now_ms=NOW_MS + number,
        )
        links.append(sign(keys, receipt, GRANTED, NOW_MS + number))
    return links


def check(links: Sequence[Link], of: Sequence[Link], *, keys: ReceiptKeys = KEYS) -> list[str]:
    head = of[-1].sha256 if of else ""
    return findings(links, keys.published, user_id=USER, version=len(of), head_sha256=head)


WHOLE = chain(5)


def test_a_whole_chain_has_no_findings() -> None:
    assert check(WHOLE, WHOLE) == []


def test_a_chain_without_links_is_whole() -> None:
    assert check([], []) == []


def test_a_receipt_tells_what_the_standard_asks_for() -> None:
    told = payload(WHOLE[0].jws, KEYS.published)
    assert told["pii_principal_id"] == USER
    assert told["pii_controllers"][0]["name"] == "Test"
    assert told["jurisdiction"]["rules"] == "EU"
    assert told["event"]["type"] == "granted"
    (purpose,) = told["purposes"]
    assert purpose["notice"]["version"] == "EU/1.1"
    assert len(purpose["notice"]["sha256"]) == 64
    assert purpose["lawful_basis"]["basis"] == "explicit_consent"
    assert purpose["personal_data_categories"] == ["health", "location"]
    assert purpose["recipients"]
    assert purpose["storage"]["retention"]
    assert purpose["withdrawal_method"]
    assert told_purposes(WHOLE[0]) == [Purpose.PURPOSE_RESEARCH]


def _forged_text(links: list[Link]) -> list[Link]:
    head, body, signature = links[2].jws.split(".")
    forged = f"{head}.{body[:-4]}AAAA.{signature}"
    links[2] = dataclasses.replace(links[2], jws=forged, sha256=digest(forged))
    return links


def _other_key(links: list[Link]) -> list[Link]:
    links[2] = chain(3, keys=in_memory())[2]
    return links


def _of_somebody_else(links: list[Link]) -> list[Link]:
    links[2] = chain(3, user_id="eu_else")[2]
    return links


def _renumbered(links: list[Link]) -> list[Link]:
    links[2] = dataclasses.replace(links[2], sequence=4)
    return links


TAMPERINGS: dict[str, Callable[[list[Link]], list[Link]]] = {
    "a link was dropped": lambda links: links[:2] + links[3:],
    "the first link was dropped": lambda links: links[1:],
    "the last link was dropped": lambda links: links[:-1],
    "two links were swapped": lambda links: [links[0], links[2], links[1], *links[3:]],
    "a link was repeated": lambda links: [*links[:2], links[1], *links[2:]],
    "a text was changed": _forged_text,
    "a link was signed with another key": _other_key,
    "a link is somebody else's": _of_somebody_else,
    "a link was numbered anew": _renumbered,
    "a digest was changed": lambda links: [dataclasses.replace(links[0], sha256="0" * 64), *links[1:]],
    "a kind was changed": lambda links: [dataclasses.replace(links[0], kind=2), *links[1:]],
    "an id was changed": lambda links: [dataclasses.replace(links[0], receipt_id="x" * 26), *links[1:]],
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_found(tampering: str) -> None:
    assert check(TAMPERINGS[tampering](list(WHOLE)), WHOLE)


@given(st.integers(0, 4), st.data())
def test_any_changed_character_is_found(number: int, data: st.DataObject) -> None:
    link = WHOLE[number]
    place = data.draw(st.integers(0, len(link.jws) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda one: one != link.jws[place]))
    changed = link.jws[:place] + other + link.jws[place + 1 :]
    links = [
        *WHOLE[:number],
        dataclasses.replace(link, jws=changed, sha256=digest(changed)),
        *WHOLE[number + 1 :],
    ]
    assert check(links, WHOLE)


@given(st.text(max_size=60))
def test_arbitrary_text_is_no_receipt(text: str) -> None:
    with pytest.raises(ReceiptForged):
        payload(text, KEYS.published)


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = load_or_create(tmp_path), load_or_create(tmp_path)
    assert first.signing.kid == second.signing.kid
    assert (tmp_path / "consent" / keys_module.KEY_FILE).stat().st_mode & 0o077 == 0
    assert all("d" not in key for key in first.as_jwks()["keys"])


def test_a_replaced_key_still_proves_what_it_signed(tmp_path: Path) -> None:
    old = load_or_create(tmp_path)
    links = chain(2, keys=old)
    (tmp_path / "consent" / keys_module.KEY_FILE).unlink()
    new = load_or_create(tmp_path)
    assert new.signing.kid != old.signing.kid
    assert check(links, links, keys=new) == []


def test_a_key_file_of_the_operators_is_taken(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(json.dumps(in_memory().signing.as_dict(private=True)))
    taken = load_or_create(tmp_path / "data", own)
    assert taken.signing.kid == json.loads(own.read_text())["kid"]
