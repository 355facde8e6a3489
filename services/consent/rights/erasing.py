"""Erasing a person everywhere: every domain answers for itself, until a second look finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from pulsemesh.type.v1 import personal_data_pb2 as wire
from services.chassis.bus import EventBus
from services.consent.rights.domains import LAST, Domain

ROUNDS = 5
"""What arrives while a person is erased is found by another round; sessions are over after the first."""

Told = Callable[[str, str], Awaitable[None]]
"""Called with a domain and what kept it from answering (empty: it has)."""

_PLATFORM = "platform"


class StillArriving(Exception):
    """Something of the person was found in every round."""


async def erase_everywhere(
    user_id: str, domains: Sequence[Domain], bus: EventBus, told: Told, *, settling_s: float
) -> list[wire.ErasedPlace]:
    """Erase in the order of `domains`, then again, until nothing is found but in the last one's own round.

    Args:
        settling_s: how long to wait after the first domain, which ends the sessions, until every process has
            heard of that.

    Returns:
        Every place, with what all rounds found there.

    Raises:
        StillArriving: come back later.
        Exception: a domain could not answer; what was erased stays so.
    """
    found: dict[tuple[str, str], wire.ErasedPlace] = {}
    for turn in range(ROUNDS):
        news = 0
        for domain in domains:
            if domain.name == LAST:
                continue  # it knows whom the others are to erase
            news += _merge(found, await _erase(domain, user_id, told))
            if turn == 0 and domain is domains[0]:
                await asyncio.sleep(settling_s)
        entries = await bus.erase(user_id)
        news += _merge(found, [_stream(entries)])
        if turn and not news:
            break
    else:
        raise StillArriving
    for domain in domains:
        if domain.name == LAST:
            _merge(found, await _erase(domain, user_id, told))
    await bus.erase(user_id)
    _merge(found, _expiring())
    return [found[key] for key in sorted(found)]


async def _erase(domain: Domain, user_id: str, told: Told) -> Sequence[wire.ErasedPlace]:
    try:
        places = await domain.erase(user_id)
    except Exception as error:
        await told(domain.name, type(error).__name__)
        raise
    await told(domain.name, "")
    return places


def _merge(found: dict[tuple[str, str], wire.ErasedPlace], places: Iterable[wire.ErasedPlace]) -> int:
    """Add up by place; returns how much of it was there."""
    news = 0
    for place in places:
        key = (place.domain, place.place)
        if place.outcome == wire.ERASURE_OUTCOME_ERASED:
            news += place.count
        known = found.get(key)
        if known is None:
            found[key] = place
        else:
            known.count += place.count
    return news


def _stream(entries: int) -> wire.ErasedPlace:
    return wire.ErasedPlace(
        domain=_PLATFORM,
        place="events on the bus",
        outcome=wire.ERASURE_OUTCOME_ERASED,
        count=entries,
    )


def _expiring() -> list[wire.ErasedPlace]:
    """What no domain owns, and goes by itself or is kept."""
    return [
        wire.ErasedPlace(
            domain=_PLATFORM,
            place="cached answers, counters of rate limits, live numbers",
            outcome=wire.ERASURE_OUTCOME_EXPIRES,
            note="within minutes: as long as the policy of each method says, an hour at the most",
        ),
        wire.ErasedPlace(
            domain=_PLATFORM,
            place="audit log",
            outcome=wire.ERASURE_OUTCOME_KEPT,
            note="the user id beside privileged acts, to prove what was done (GDPR Art. 5(2), 17(3)(b), "
            "(e)); no name and no address stands there",
        ),
        wire.ErasedPlace(
            domain=_PLATFORM,
            place="backups",
            outcome=wire.ERASURE_OUTCOME_EXPIRES,
            note="as the operator's rotation says; a restore erases again by the digests of `erased_people`",
        ),
    ]
