"""Erasing the rows of a person from a schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, MetaData, and_, delete, not_, select

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.type.v1 import personal_data_pb2 as wire
from services.chassis import erased_people
from services.chassis.consumer.dead_letters import dead_letter
from services.chassis.outbox import outbox
from services.chassis.personal_data.subjects import rows_of

Eraser = Callable[[Connection, str], Sequence[wire.ErasedPlace]]
"""Store function: erases what the tables' annotations do not lead to, before the tables are erased."""

_SLICE = 500


def erase_rows(
    connection: Connection,
    domain: str,
    metadata: MetaData,
    user_id: str,
    *,
    before: Eraser | None = None,
    sparing: Mapping[str, ColumnElement[bool]] | None = None,
) -> list[wire.ErasedPlace]:
    """Store function: erase a person from every table, and keep new events of theirs from having an effect.

    Args:
        sparing: rows by table that stay for now: whoever says so forgets the person in them later.

    Returns:
        What was in each place, those with nothing included: now and in all earlier rounds, so that an answer
        that got lost is lost to nobody.
    """
    erased_people.bury(connection, user_id)
    known = _known(erased_people.tally(connection, user_id))
    places = list(before(connection, user_id)) if before is not None else []
    for table, gone in _delete_rows(connection, metadata, user_id, sparing or {}):
        places.append(erased(domain, f"table {table}", gone))
    gone = connection.execute(delete(dead_letter).where(dead_letter.c.subject == user_id)).rowcount
    places.append(erased(domain, "table dead_letter", gone))
    places.append(erased(domain, "table outbox", _erase_outbox(connection, user_id)))
    found = any(place.count for place in places)
    totals = _added(known, places)
    erased_people.put_tally(connection, user_id, _written(totals), found=found)
    return totals


def erased(domain: str, place: str, count: int, note: str = "") -> wire.ErasedPlace:
    """A place that holds nothing of the person any more."""
    return wire.ErasedPlace(
        domain=domain, place=place, outcome=wire.ERASURE_OUTCOME_ERASED, count=max(count, 0), note=note
    )


def _delete_rows(
    connection: Connection, metadata: MetaData, user_id: str, sparing: Mapping[str, ColumnElement[bool]]
) -> Iterator[tuple[str, int]]:
    """Rows that belong to others go first, so that each table's count is of its own."""
    for table in reversed(metadata.sorted_tables):
        condition = rows_of(table, user_id)
        if condition is None:
            continue
        if table.name in sparing:
            condition = and_(condition, not_(sparing[table.name]))
        yield table.name, connection.execute(delete(table).where(condition)).rowcount


def _known(places: str) -> list[wire.ErasedPlace]:
    return [
        wire.ErasedPlace(domain=domain, place=place, outcome=outcome, count=count, note=note)
        for domain, place, outcome, count, note in json.loads(places)
    ]


def _written(places: Iterable[wire.ErasedPlace]) -> str:
    return json.dumps([[each.domain, each.place, each.outcome, each.count, each.note] for each in places])


def _added(known: Iterable[wire.ErasedPlace], places: Iterable[wire.ErasedPlace]) -> list[wire.ErasedPlace]:
    """The sum of counts by place, in the order in which places came."""
    totals: dict[tuple[str, str], wire.ErasedPlace] = {}
    for place in (*known, *places):
        total = totals.setdefault((place.domain, place.place), wire.ErasedPlace())
        count = total.count + place.count
        total.CopyFrom(place)
        total.count = count
    return list(totals.values())


def _erase_outbox(connection: Connection, user_id: str) -> int:
    """Events that wait to be published. They name their subject inside; there are never many of them."""
    mine, after = [], 0
    while True:
        page = connection.execute(
            select(outbox.c.id, outbox.c.envelope)
            .where(outbox.c.id > after)
            .order_by(outbox.c.id)
            .limit(_SLICE)
        ).all()
        mine += [row.id for row in page if Envelope.FromString(bytes(row.envelope)).subject == user_id]
        if len(page) < _SLICE:
            break
        after = page[-1].id
    for first in range(0, len(mine), _SLICE):
        connection.execute(delete(outbox).where(outbox.c.id.in_(mine[first : first + _SLICE])))
    return len(mine)
