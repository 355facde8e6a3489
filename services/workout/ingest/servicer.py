"""IngestService: samples in, acknowledgements out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc

from pulsemesh.ingest.machine import Limits
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import ingest_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.workout.ingest.session import Backend, Session

_Context = grpc.aio.ServicerContext[object, object]


class IngestServicer(stubs.IngestServiceServicer):
    """Both ways of sending samples, over the same session."""

    def __init__(self, backend: Backend, limits: Limits, unary_limits: Limits) -> None:
        self._backend = backend
        self._limits = limits
        self._unary_limits = unary_limits

    async def StreamSamples(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[wire.StreamSamplesRequest], context: _Context
    ) -> AsyncIterator[wire.StreamSamplesResponse]:
        """Serve one stream until it is closed, broken or taken over."""
        session = Session(self._backend, current_call().principal.user_id, self._limits)
        reader = asyncio.ensure_future(_read(session, request_iterator))
        watch = _Watch(session)
        try:
            while True:
                session.wake.clear()
                while (response := session.take()) is not None:
                    yield response
                if session.failure is not None:
                    raise session.failure
                if session.over or (reader.done() and session.idle):
                    return
                await session.wake.wait()
        finally:
            watch.close()
            reader.cancel()
            session.close()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reader

    async def AppendSamples(  # noqa: N802 - the contract's name
        self, request: wire.AppendSamplesRequest, context: _Context
    ) -> wire.AppendSamplesResponse:
        """Open, store and finish in one call; returns when everything is committed."""
        session = Session(self._backend, current_call().principal.user_id, self._unary_limits)
        try:
            return await _append(session, request)
        finally:
            session.close()


class _Watch:
    """Looks after a session when it may have been silent for too long; one timer a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer = self._arm()

    def _arm(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._session.seconds_to_tick() + 0.001, self._look)

    def _look(self) -> None:
        self._task = asyncio.ensure_future(self._session.tick())
        self._timer = self._arm()

    def close(self) -> None:
        self._timer.cancel()


async def _read(session: Session, requests: AsyncIterator[wire.StreamSamplesRequest]) -> None:
    try:
        async for request in requests:
            await session.feed(request)
            if session.over or session.failure is not None:
                return
    except asyncio.CancelledError:
        raise
    except Exception as error:
        session.failure = session.failure or error
    finally:
        session.wake.set()


async def _append(session: Session, request: wire.AppendSamplesRequest) -> wire.AppendSamplesResponse:
    await session.feed(wire.StreamSamplesRequest(open=request.open))
    response = wire.AppendSamplesResponse()
    _gather(session, response)
    if not session.over:
        for batch in request.batches:
            await session.feed(wire.StreamSamplesRequest(batch=batch))
        if request.HasField("finish"):
            await session.feed(wire.StreamSamplesRequest(finish=request.finish))
        await session.settle()
        _gather(session, response)
    if session.failure is not None:
        raise session.failure
    return response


def _gather(session: Session, response: wire.AppendSamplesResponse) -> None:
    while (answer := session.take()) is not None:
        match answer.WhichOneof("message"):
            case "opened":
                response.next_sequences.extend(answer.opened.next_sequences)
            case "ack":
                for ack in answer.ack.sources:
                    response.next_sequences[ack.source] = ack.next_sequence
            case "rejection":
                response.rejections.append(answer.rejection)
            case "incomplete":
                response.next_sequences[:] = answer.incomplete.next_sequences
            case "closed":
                response.closed.CopyFrom(answer.closed)
