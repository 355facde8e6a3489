"""What every process does now and then: forget inbox records and trim streams that nobody needs any more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from services.chassis import inbox
from services.chassis.background import Supervisor
from services.chassis.bus import EventBus, InProcessBus
from services.chassis.database import Database

EVERY_S = 600.0

# A repeat that comes after its record was pruned would have an effect again: records outlive
# the events by far.
_INBOX_RETENTIONS = 2.0


def start_housekeeping(
    supervisor: Supervisor, databases: Sequence[Database], bus: EventBus, retention_s: float
) -> None:
    """Start the periodic tasks; they end with the supervisor."""
    for database in databases:
        step = partial(prune_inbox, database, retention_s)
        supervisor.start_periodic(f"inbox of {database.schema}", EVERY_S, step)
    if isinstance(bus, InProcessBus):
        return  # it keeps nothing
    # Here, since a start without Redis does without its client's import.
    from services.chassis.bus.redis_streams import RedisStreamsBus  # noqa: PLC0415

    if isinstance(bus, RedisStreamsBus):
        supervisor.start_periodic("trimming of the bus", EVERY_S, bus.trim)


async def prune_inbox(database: Database, retention_s: float) -> int:
    """Drop the inbox records of events that are no longer on the bus; return how many went."""
    before_ms = int((time.time() - _INBOX_RETENTIONS * retention_s) * 1000)
    removed = 0
    while True:
        async with database.write() as transaction:
            gone = await transaction.run(inbox.prune, before_ms)
        removed += gone
        if not gone:
            return removed
