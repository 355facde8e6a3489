"""What `pulsemesh-server rights` does: requests that hang, and erasing again after a restore."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData, select

from pulsemesh.consent.v1 import rights_pb2
from services.chassis.database import Database
from services.chassis.erased_people import digest_of, erased_people
from services.chassis.module import Module
from services.chassis.personal_data.subjects import SUBJECT
from services.chassis.settings import Settings
from services.consent.rights import requesting, store
from services.host.databases import open_schema


class NoSuchRequest(LookupError):
    """There is no request with this id that is not over."""

    def __init__(self, rights_request_id: str) -> None:
        super().__init__(f"no request {rights_request_id} waits or is worked on")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that is not done. `troubles` are domains and what kept them; times are Unix milliseconds."""

    rights_request_id: str
    kind: str
    state: str
    created_ms: int
    due_ms: int
    attempts: int
    troubles: tuple[tuple[str, str], ...]


async def waiting_requests(settings: Settings) -> list[Waiting]:
    """The requests that are not done, the oldest first. They are told without their people."""
    async with AsyncExitStack() as stack:
        database = _open(stack, settings, "consent")
        async with database.read() as view:
            return await view.run(_waiting)


def _waiting(conn: Connection) -> list[Waiting]:
    found = []
    for row in store.unfinished(conn):
        progress = rights_pb2.RightsRequest.FromString(bytes(row.progress))
        found.append(
            Waiting(
                row.rights_request_id,
                rights_pb2.RightsKind.Name(row.kind).removeprefix("RIGHTS_KIND_").lower(),
                rights_pb2.RightsState.Name(row.state).removeprefix("RIGHTS_STATE_").lower(),
                row.created_ms,
                row.due_ms,
                row.attempts,
                tuple((each.domain, each.trouble) for each in progress.domains if each.trouble),
            )
        )
    return found


async def retry_request(settings: Settings, rights_request_id: str) -> None:
    """Let a request that is worked on be tried again at once.

    Raises:
        NoSuchRequest: it is over, never was, or still waits for its time: that is its owner's.
    """
    async with AsyncExitStack() as stack:
        database = _open(stack, settings, "consent")
        async with database.write() as transaction:
            if not await transaction.run(store.retry_now, rights_request_id, _now_ms()):
                raise NoSuchRequest(rights_request_id)


async def erased_digests(settings: Settings) -> list[str]:
    """The digests of people who were erased: to be kept beside the backups."""
    async with AsyncExitStack() as stack:
        database = _open(stack, settings, "consent")
        async with database.read() as view:
            return sorted(digest.hex() for digest in await view.run(_digests))


async def erase_again(settings: Settings, modules: Iterable[Module], digests: Collection[str]) -> int:
    """Request the erasure of everybody who is here again, by `digests` and by what the databases remember.

    Returns:
        How many people that are. A server erases them when it runs.
    """
    gone = {bytes.fromhex(digest) for digest in digests}
    people: set[str] = set()
    async with AsyncExitStack() as stack:
        databases: dict[str, Database] = {}
        for module in modules:
            if not module.metadata.tables:
                continue
            database = databases[module.name] = _open(stack, settings, module.name)
            async with database.read() as view:
                gone |= await view.run(_digests)
                people |= await view.run(_people, module.metadata)
        back = sorted(person for person in people if digest_of(person) in gone)
        async with databases["consent"].write() as transaction:
            for person in back:
                await transaction.run(requesting.request_now, person, _now_ms())
    return len(back)


def _open(stack: AsyncExitStack, settings: Settings, schema: str) -> Database:
    database = open_schema(settings, schema)
    stack.push_async_callback(database.close)
    return database


def _digests(conn: Connection) -> set[bytes]:
    return {bytes(digest) for digest in conn.scalars(select(erased_people.c.digest))}


def _people(conn: Connection, metadata: MetaData) -> set[str]:
    """Everybody whom a row names as its owner."""
    found: set[str] = set()
    for table in metadata.sorted_tables:
        if SUBJECT in table.c:
            found.update(person for person in conn.scalars(select(table.c[SUBJECT]).distinct()) if person)
    return found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
