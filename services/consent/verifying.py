"""Checking the chains that are stored: of one person, or of everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from joserfc.jwk import KeySet

from services.chassis.database import Database
from services.consent.receipts.verifying import findings
from services.consent.store import people, receipts

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's chain: how many links, and what is wrong with them."""

    user_id: str
    receipts: int
    findings: list[str]


async def verify(database: Database, user_id: str, keys: KeySet) -> Verdict:
    """Check the chain of one person."""
    async with database.read() as view:
        known = await view.run(people.find, user_id)
        links = await view.run(receipts.chain, user_id)
    found = findings(
        links, keys, user_id=user_id, version=known.person.version, head_sha256=known.head_sha256
    )
    return Verdict(user_id, len(links), found)


async def verify_all(database: Database, keys: KeySet) -> AsyncIterator[Verdict]:
    """Check the chain of everybody, one after the other."""
    last = ""
    while True:
        async with database.read() as view:
            user_ids = await view.run(people.after, last, _PAGE)
        if not user_ids:
            return
        for user_id in user_ids:
            yield await verify(database, user_id, keys)
        last = user_ids[-1]
