"""All receipts of a person as one document, a piece at a time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from services.chassis.database import Database
from services.consent.receipts.keys import ReceiptKeys
from services.consent.receipts.record import KIND_NAMES, Link
from services.consent.store import people, receipts

PAGE = 200
FORMAT = "pulsemesh consent receipts/1"


async def export(database: Database, user_id: str, keys: ReceiptKeys) -> AsyncIterator[bytes]:
    """The document's bytes: heading, receipts in their order, end.

    What is added while it is written is not in it: it ends with the receipt that was the last when it began.
    """
    async with database.read() as view:
        known = await view.run(people.find, user_id)
    heading = {
        "format": FORMAT,
        "pii_principal_id": user_id,
        "receipts_count": known.person.version,
        "head_sha256": known.head_sha256,
        "keys": keys.as_jwks(),
    }
    yield (json.dumps(heading, ensure_ascii=False)[:-1] + ', "receipts": [').encode()
    after, separator = 0, "\n"
    while after < known.person.version:
        async with database.read() as view:
            links = await view.run(receipts.chain, user_id, after, min(PAGE, known.person.version - after))
        if not links:
            break
        yield (separator + ",\n".join(_document(link) for link in links)).encode()
        after, separator = links[-1].sequence, ",\n"
    yield b"\n]}\n"


def _document(link: Link) -> str:
    document = {
        "receipt_id": link.receipt_id,
        "sequence": link.sequence,
        "kind": KIND_NAMES[link.kind],
        "jws": link.jws,
        "sha256": link.sha256,
    }
    return json.dumps(document)
