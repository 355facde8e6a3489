"""Erasing the rows of a person from a schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, MetaData, delete, select

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
    expiring: Mapping[str, str] | None = None,
) -> list[wire.ErasedPlace]:
    """Store function: erase a person from every table, and keep new events of theirs from having an effect.

    Rows that belong to others go first, so that each table's count is of its own.

    Args:
        expiring: tables whose rows go by themselves, and what is said of when.

    Returns:
        What was in each place, those with nothing included.
    """
    erased_people.bury(connection, user_id)
    places = list(before(connection, user_id)) if before is not None else []
    for table in reversed(metadata.sorted_tables):
        condition = rows_of(table, user_id)
        if expiring and table.name in expiring:
            places.append(
                wire.ErasedPlace(
                    domain=domain,
                    place=f"table {table.name}",
                    outcome=wire.ERASURE_OUTCOME_EXPIRES,
                    note=expiring[table.name],
                )
            )
        elif condition is not None:
            gone = connection.execute(delete(table).where(condition)).rowcount
            places.append(erased(domain, f"table {table.name}", gone))
    gone = connection.execute(delete(dead_letter).where(dead_letter.c.subject == user_id)).rowcount
    places.append(erased(domain, "table dead_letter", gone))
    places.append(erased(domain, "table outbox", _erase_outbox(connection, user_id)))
    return places


def erased(domain: str, place: str, count: int, note: str = "") -> wire.ErasedPlace:
    """A place that holds nothing of the person any more."""
    return wire.ErasedPlace(
        domain=domain, place=place, outcome=wire.ERASURE_OUTCOME_ERASED, count=max(count, 0), note=note
    )


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
