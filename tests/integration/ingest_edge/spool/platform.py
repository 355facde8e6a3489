"""A small platform for tests of the edge: real gRPC, the real protocol machine, memory for a database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest import machine
from pulsemesh.samples import decode_batch
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import (
    file_service_pb2,
    file_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    recording_pb2,
    recording_service_pb2,
    recording_service_pb2_grpc,
)

Sample = tuple[int, dict[int, int | None]]


@dataclass
class HeldSource:
    """What the platform holds of one source: its samples in sequence, None where they were refused."""

    channels: frozenset[int]
    samples: list[Sample | None] = field(default_factory=list)


@dataclass
class HeldRecording:
    """What the platform holds of one recording."""

    open: ingest_service_pb2.OpenRecording
    sources: dict[str, HeldSource] = field(default_factory=dict)
    workout_id: str = ""
    details: Any = None
    opened: int = 0

    def times(self, source_id: str) -> list[int]:
        return [sample[0] for sample in self.sources[source_id].samples if sample is not None]

    def values(self, source_id: str, channel: int) -> list[int | None]:
        return [sample[1].get(channel) for sample in self.sources[source_id].samples if sample is not None]


class _Recordings(recording_service_pb2_grpc.RecordingServiceServicer):
    """What the edge asks of recordings: how much of one is held."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def GetRecording(
        self,
        request: recording_service_pb2.GetRecordingRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> recording_service_pb2.GetRecordingResponse:
        held = self._platform.recordings[request.recording_id]
        sources = [
            recording_pb2.SourceProgress(source_id=name, next_sequence=len(source.samples))
            for name, source in held.sources.items()
        ]
        return recording_service_pb2.GetRecordingResponse(recording=recording_pb2.Recording(sources=sources))

    async def _never(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the edge does not call this")

    ListRecordings = CloseRecording = DiscardRecording = _never
    WatchRecording: Any = _never


class Platform(ingest_service_pb2_grpc.IngestServiceServicer, file_service_pb2_grpc.FileServiceServicer):
    """Start it with `async with`; stop and start it again to be a platform that went away.

    Attributes:
        refuse: abort every session at once with this code and reason.
        limits: of the protocol; a short silence makes tests quick.
        break_after: abort each session after so many batches, to make clients resume.
        lose_closed: break the line this many times instead of answering a finish, after it took effect.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.recordings: dict[str, HeldRecording] = {}
        self.files: dict[str, tuple[file_service_pb2.FileHeader, bytes]] = {}
        self.refuse: tuple[grpc.StatusCode, reason_pb2.ErrorReason.ValueType] | None = None
        self.limits = machine.Limits(heartbeat_interval_s=2.0)
        self.break_after: int | None = None
        self.lose_closed = 0
        self.tokens: list[str] = []
        self._server: grpc.aio.Server | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        server = grpc.aio.server()
        ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(self, server)
        file_service_pb2_grpc.add_FileServiceServicer_to_server(self, server)
        recording_service_pb2_grpc.add_RecordingServiceServicer_to_server(_Recordings(self), server)
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            self._server = None

    async def __aenter__(self) -> Platform:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Ingest.

    async def StreamSamples(
        self,
        request_iterator: AsyncIterator[ingest_service_pb2.StreamSamplesRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[ingest_service_pb2.StreamSamplesResponse]:
        metadata = dict(context.invocation_metadata() or ())
        self.tokens.append(str(metadata.get("authorization", "")))
        if self.refuse is not None:
            await abort(context, *self.refuse)
        session = machine.ServerSession(self.limits, now_s=time.monotonic())
        recording: HeldRecording | None = None
        names: list[str] = []
        batches = 0
        async for request in request_iterator:
            effects = session.receive(request, now_s=time.monotonic(), now_ms=_now_ms())
            while effects:
                effect = effects.pop(0)
                match effect:
                    case machine.SendResponse(response):
                        yield response
                    case machine.Failed(reason, message):
                        await abort(context, grpc.StatusCode.FAILED_PRECONDITION, reason, message)
                    case machine.OpenRequested(opening):
                        recording, known = self._opened(opening)
                        names = [source.source_id for source in opening.sources]
                        if recording.workout_id:
                            effects += session.closed(
                                ingest_service_pb2.Closed(
                                    workout_id=recording.workout_id, already_closed=True
                                )
                            )
                        else:
                            states = [
                                machine.SourceState(
                                    len(recording.sources[name].samples), recording.sources[name].channels
                                )
                                for name in names
                            ]
                            effects += session.opened(
                                states, start_ms=opening.start_time_ms, resumed=known, now_ms=_now_ms()
                            )
                    case machine.StoreBatch() as store:
                        assert recording is not None
                        _store(recording.sources[names[store.source]], store)
                        batches += 1
                        effects += session.committed(store)
                    case machine.FinishRequested(finish):
                        assert recording is not None
                        held = [len(recording.sources[name].samples) for name in names]
                        if held != list(finish.sample_counts):
                            effects += session.incomplete()
                        else:
                            recording.workout_id = new_ulid()
                            recording.details = finish.details
                            if self.lose_closed:
                                self.lose_closed -= 1
                                await context.abort(grpc.StatusCode.UNAVAILABLE, "the line broke")
                            effects += session.closed(
                                ingest_service_pb2.Closed(workout_id=recording.workout_id)
                            )
            if (ack := session.take_ack()) is not None:
                yield ingest_service_pb2.StreamSamplesResponse(ack=ack)
            if session.state is machine.ServerState.CLOSED:
                return
            if self.break_after is not None and batches >= self.break_after:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the line broke")

    def _opened(self, opening: ingest_service_pb2.OpenRecording) -> tuple[HeldRecording, bool]:
        known = opening.recording_id in self.recordings
        recording = self.recordings.setdefault(opening.recording_id, HeldRecording(opening))
        recording.opened += 1
        for source in opening.sources:
            recording.sources.setdefault(source.source_id, HeldSource(frozenset(source.channels)))
        return recording, known

    # Files.

    async def FindFile(
        self,
        request: file_service_pb2.FindFileRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> file_service_pb2.FindFileResponse:
        if request.sha256 not in self.files:
            return file_service_pb2.FindFileResponse()
        return file_service_pb2.FindFileResponse(file=self._stored(request.sha256))

    async def UploadFile(
        self,
        request_iterator: AsyncIterator[file_service_pb2.UploadFileRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> file_service_pb2.UploadFileResponse:
        header = file_service_pb2.FileHeader()
        content = b""
        async for request in request_iterator:
            if request.HasField("header"):
                header = request.header
            else:
                content += request.chunk
        if hashlib.sha256(content).hexdigest() != header.sha256 or len(content) != header.size_bytes:
            await abort(context, grpc.StatusCode.INVALID_ARGUMENT, reason_pb2.ERROR_REASON_CHECKSUM_MISMATCH)
        self.files[header.sha256] = (header, content)
        return file_service_pb2.UploadFileResponse(file=self._stored(header.sha256))

    async def AppendSamples(
        self, request: ingest_service_pb2.AppendSamplesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> ingest_service_pb2.AppendSamplesResponse:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the edge streams")

    async def DownloadFile(
        self, request: file_service_pb2.DownloadFileRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[file_service_pb2.DownloadFileResponse]:
        yield file_service_pb2.DownloadFileResponse()
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the edge fetches no files")

    def _stored(self, sha256: str) -> file_service_pb2.StoredFile:
        header, content = self.files[sha256]
        recording = self.recordings.get(header.recording_id)
        return file_service_pb2.StoredFile(
            file_id=new_ulid(),
            name=header.name,
            size_bytes=len(content),
            sha256=sha256,
            workout_id=recording.workout_id if recording is not None else "",
        )


def _store(source: HeldSource, store: machine.StoreBatch) -> None:
    if store.batch is None:
        source.samples += [None] * store.count
        return
    values = decode_batch(store.batch)
    for index, time_ms in enumerate(values.times_ms):
        sequence = values.first_sequence + index
        if sequence < store.first_sequence:
            continue
        assert sequence == len(source.samples), "a sample out of sequence"
        source.samples.append(
            (time_ms, {channel: column[index] for channel, column in values.columns.items()})
        )


async def abort(
    context: grpc.aio.ServicerContext[Any, Any],
    code: grpc.StatusCode,
    reason: reason_pb2.ErrorReason.ValueType,
    message: str = "",
) -> None:
    """End a call as the platform does: with a google.rpc.Status that carries the reason."""
    detail = any_pb2.Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(
            reason=reason_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_"), domain="pulsemesh"
        )
    )
    status = status_pb2.Status(code=code.value[0], message=message, details=[detail])
    await context.abort(
        code, message, trailing_metadata=(("grpc-status-details-bin", status.SerializeToString()),)
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
