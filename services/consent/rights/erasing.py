"""Erasing a person everywhere: every domain answers for itself, until a second look finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pulsemesh.type.v1 import personal_data_pb2 as wire
from services.chassis.bus import EventBus
from services.consent.rights.domains import Domain
from services.consent.rights.progress import PLATFORM, Progress

ROUNDS = 5
"""What arrives while a person is erased is found by another round; sessions are over after the first."""


class StillArriving(Exception):
    """Something of the person was found in every round."""


async def erase_everywhere(
    user_id: str, domains: Sequence[Domain], bus: EventBus, progress: Progress, *, settling_s: float
) -> None:
    """Erase in the order of `domains`, then again, until a round finds nothing; `progress` has every place.

    It may end anywhere, and begin again from the first domain: domains tell what they found in all rounds.

    Args:
        settling_s: how long to wait after the first domain, which ends the sessions, until every process has
            heard of that.

    Raises:
        StillArriving: come back later.
        RequestEnded: another process has done it.
        Exception: a domain could not answer; what was erased stays so.
    """
    for turn in range(ROUNDS):
        known = progress.found()
        for domain in domains:
            await _erase(domain, user_id, progress)
            if turn == 0 and domain is domains[0]:
                await asyncio.sleep(settling_s)
        await progress.erased_more(_stream(await bus.erase(user_id)))
        if turn and progress.found() == known:
            break
    else:
        raise StillArriving
    await progress.erased(PLATFORM, _left_to_time())


async def _erase(domain: Domain, user_id: str, progress: Progress) -> None:
    try:
        places = await domain.erase(user_id)
    except Exception as error:
        await progress.failed(domain.name, error)
        raise
    await progress.erased(domain.name, places)


def _stream(entries: int) -> wire.ErasedPlace:
    return wire.ErasedPlace(
        domain=PLATFORM,
        place="events on the bus",
        outcome=wire.ERASURE_OUTCOME_ERASED,
        count=entries,
    )


def _left_to_time() -> list[wire.ErasedPlace]:
    """What no domain owns, and goes by itself or is kept."""
    return [
        wire.ErasedPlace(
            domain=PLATFORM,
            place="cached answers, counters of rate limits, live numbers",
            outcome=wire.ERASURE_OUTCOME_EXPIRES,
            note="within minutes: as long as the policy of each method says, an hour at the most",
        ),
        wire.ErasedPlace(
            domain=PLATFORM,
            place="audit log",
            outcome=wire.ERASURE_OUTCOME_KEPT,
            note="the user id beside privileged acts, to prove what was done (GDPR Art. 5(2), 17(3)(b), "
            "(e)); no name and no address stands there",
        ),
        wire.ErasedPlace(
            domain=PLATFORM,
            place="backups",
            outcome=wire.ERASURE_OUTCOME_EXPIRES,
            note="as the operator's rotation says; after a restore the erasure is repeated "
            '(docs/rights.md, "Backups")',
        ),
    ]
