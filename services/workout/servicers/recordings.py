"""RecordingService: recordings in progress."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2
from pulsemesh.workout.v1 import recording_service_pb2 as wire
from pulsemesh.workout.v1 import recording_service_pb2_grpc as stubs
from services.chassis import outbox, page_tokens
from services.chassis.call import current_call
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.live.port import LiveChannel
from services.workout import events
from services.workout.closing import close_now
from services.workout.consents.channels import PURPOSES
from services.workout.consents.hiding import hide_in_live
from services.workout.errors import RecordingClosed, RecordingNotFound
from services.workout.ingest.live import topic
from services.workout.messages import recording_message
from services.workout.store import recordings
from services.workout.watching import Watching

DEFAULT_PAGE = 25

_Context = grpc.aio.ServicerContext[object, object]


class RecordingServicer(stubs.RecordingServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self,
        database: Database,
        live: LiveChannel,
        clock_ms: Callable[[], int],
        consent: ConsentGate,
        watching: Watching | None = None,
    ) -> None:
        self._database = database
        self._live = live
        self._clock_ms = clock_ms
        self._consent = consent
        self._watching = watching or Watching(database, live, clock_ms)

    async def GetRecording(
        self, request: wire.GetRecordingRequest, context: _Context
    ) -> wire.GetRecordingResponse:
        """One recording."""
        row = await self._find(request.recording_id)
        return wire.GetRecordingResponse(recording=recording_message(row))

    async def ListRecordings(
        self, request: wire.ListRecordingsRequest, context: _Context
    ) -> wire.ListRecordingsResponse:
        """A page of the caller's recordings."""
        user_id = current_call().principal.user_id
        states = sorted({int(state) for state in request.states if state})
        scope = ("recordings", user_id, repr(states))
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            rows = await view.run(recordings.page, user_id, states, before and before[1], size + 1)
        response = wire.ListRecordingsResponse(recordings=[recording_message(row) for row in rows[:size]])
        if len(rows) > size:
            position = (0, rows[size - 1].recording.recording_pk)
            response.next_page_token = page_tokens.write(position, *scope)
        return response

    async def WatchRecording(
        self, request: wire.WatchRecordingRequest, context: _Context
    ) -> AsyncIterator[wire.WatchRecordingResponse]:
        """The recording's numbers until it is over."""
        call = current_call()
        async for message in self._watching.follow(
            call.principal.user_id, request.recording_id, call.draining
        ):
            # Asked for every message: what is taken back is not shown from then on.
            yield hide_in_live(message, await self._consent.refused(call.principal.user_id, PURPOSES))

    async def CloseRecording(
        self, request: wire.CloseRecordingRequest, context: _Context
    ) -> wire.CloseRecordingResponse:
        """Make a workout of what is there."""
        row = await self._find(request.recording_id)
        closed = await close_now(self._database, row.recording.recording_pk, self._clock_ms(), self._live)
        return wire.CloseRecordingResponse(workout_id=closed.workout_id)

    async def DiscardRecording(
        self, request: wire.DiscardRecordingRequest, context: _Context
    ) -> wire.DiscardRecordingResponse:
        """Give the recording up."""
        user_id, now_ms = current_call().principal.user_id, self._clock_ms()
        async with self._database.write() as transaction:
            before = await transaction.run(recordings.discard, user_id, request.recording_id, now_ms)
            if before is None:
                raise RecordingNotFound(request.recording_id)
            if before.recording.state == recordings.CLOSED:
                raise RecordingClosed(request.recording_id, before.recording.workout_id)
            if before.recording.state != recordings.DISCARDED:
                event = events.recording_discarded(user_id, request.recording_id, now_ms)
                await transaction.run(outbox.append, event)
        await self._announce_discarded(before.recording.recording_pk, now_ms)
        return wire.DiscardRecordingResponse(
            recording=recording_message(await self._find(request.recording_id))
        )

    async def _find(self, recording_id: str) -> recordings.RecordingRow:
        async with self._database.read() as view:
            row = await view.run(recordings.find, current_call().principal.user_id, recording_id)
        if row is None:
            raise RecordingNotFound(recording_id)
        return row

    async def _announce_discarded(self, recording_pk: int, now_ms: int) -> None:
        message = recording_service_pb2.WatchRecordingResponse(state=recording_pb2.RECORDING_STATE_DISCARDED)
        message.committed_at.FromMilliseconds(now_ms)
        await self._live.publish(topic(recording_pk), message.SerializeToString())
