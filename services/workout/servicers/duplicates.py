"""DuplicateService: pairs of workouts that may be one."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable, Sequence

import grpc
from sqlalchemy import Connection

from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from pulsemesh.workout.v1 import duplicate_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.duplicates import resolving, store

DEFAULT_PAGE = 25

_Context = grpc.aio.ServicerContext[object, object]


class DuplicateServicer(stubs.DuplicateServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def ListDuplicates(
        self, request: wire.ListDuplicatesRequest, context: _Context
    ) -> wire.ListDuplicatesResponse:
        """A page of the caller's pairs."""
        user_id = current_call().principal.user_id
        states = sorted(int(state) for state in request.states) or [store.OPEN]
        scope = ("duplicates", user_id, ",".join(map(str, states)))
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            found, following = await view.run(_page, user_id, states, before[0] if before else None, size)
        response = wire.ListDuplicatesResponse(duplicates=found)
        if following is not None:
            response.next_page_token = page_tokens.write((following, 0), *scope)
        return response

    async def ResolveDuplicate(
        self, request: wire.ResolveDuplicateRequest, context: _Context
    ) -> wire.ResolveDuplicateResponse:
        """Do what the owner chose."""
        user_id = current_call().principal.user_id
        return await resolving.resolve(self._database, user_id, request, self._clock_ms())

    async def ReopenDuplicate(
        self, request: wire.ReopenDuplicateRequest, context: _Context
    ) -> wire.ReopenDuplicateResponse:
        """Take a choice back."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            pair = await transaction.run(resolving.reopen, user_id, request.duplicate_id, self._clock_ms())
        return wire.ReopenDuplicateResponse(duplicate=pair)


def _page(
    conn: Connection, user_id: str, states: Sequence[int], before_pk: int | None, size: int
) -> tuple[list[wire.Duplicate], int | None]:
    """The pairs, and the key of the last where there are more."""
    rows = list(store.page(conn, user_id, states, before_pk, size + 1))
    following = rows[size - 1].duplicate_pk if len(rows) > size else None
    return resolving.messages(conn, rows[:size]), following
