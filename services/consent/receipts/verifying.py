"""Whether a chain of receipts is whole. Pure: needs the links, the public keys and the head, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.consent.receipts.record import ALGORITHM, FIRST, KIND_NAMES, TYPE, Link, digest


class ReceiptForged(ValueError):
    """A receipt that no key of ours signed as it is."""


def payload(signed: str, keys: KeySet) -> dict[str, Any]:
    """The record inside a receipt, after its signature was proved.

    Raises:
        ReceiptForged: it is not a receipt that one of `keys` signed.
    """
    try:
        proved = jws.deserialize_compact(signed, keys, algorithms=[ALGORITHM])
        header = proved.headers()
        record = json.loads(proved.payload)
    except (JoseError, ValueError, KeyError) as error:
        raise ReceiptForged(f"the signature does not hold: {error}") from error
    if header.get("typ") != TYPE or not isinstance(record, dict):
        raise ReceiptForged("it is signed, but it is not a receipt")
    return record


def findings(
    links: Iterable[Link], keys: KeySet, *, user_id: str, version: int, head_sha256: str
) -> list[str]:
    """What is wrong with a person's chain, the first link at fault first; empty is right.

    Args:
        links: in the order of their sequence.
        version, head_sha256: of the last link, kept apart: they tell of links cut off at the end.
    """
    found: list[str] = []
    expected, previous = 1, FIRST
    for link in links:
        if link.sequence != expected:
            found.append(f"receipt {expected} is missing: {link.sequence} comes in its place")
        found.extend(f"receipt {link.sequence}: {fault}" for fault in _faults(link, keys, user_id, previous))
        expected, previous = link.sequence + 1, link.sha256
    if expected - 1 != version:
        found.append(f"the chain ends with receipt {expected - 1}, it had {version}")
    elif previous != (head_sha256 or FIRST):
        found.append("the last receipt is not the one that was made last")
    return found


def _faults(link: Link, keys: KeySet, user_id: str, previous: str) -> Iterator[str]:
    if digest(link.jws) != link.sha256:
        yield "its digest is not that of its text"
    try:
        record = payload(link.jws, keys)
    except ReceiptForged as error:
        yield str(error)
        return
    chain = record.get("chain", {})
    if chain.get("previous_sha256") != previous:
        yield "it does not follow the one before it"
    if chain.get("sequence") != link.sequence:
        yield f"it was signed as number {chain.get('sequence')}"
    if record.get("record_id") != link.receipt_id:
        yield "it was signed under another id"
    if record.get("pii_principal_id") != user_id:
        yield "it is somebody else's"
    if record.get("event", {}).get("type") != KIND_NAMES.get(link.kind):
        yield "it was signed as another kind of receipt"
