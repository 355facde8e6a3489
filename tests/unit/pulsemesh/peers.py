"""Real small gRPC servers: they answer as the contracts say, fail as told, and note what they are asked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
from google.protobuf import duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from pulsemesh import RetrySettings, samples
from pulsemesh.auth.v1 import development_issuer_service_pb2 as auth
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as auth_grpc
from pulsemesh.workout.v1 import (
    analysis_pb2,
    analysis_service_pb2,
    analysis_service_pb2_grpc,
    export_service_pb2,
    export_service_pb2_grpc,
    file_service_pb2,
    file_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    recording_pb2,
    recording_service_pb2,
    recording_service_pb2_grpc,
    workout_pb2,
    workout_service_pb2,
    workout_service_pb2_grpc,
)

Violations = Sequence[tuple[str, str]]


def status_details(
    code: grpc.StatusCode,
    reason: str,
    message: str = "",
    *,
    metadata: dict[str, str] | None = None,
    violations: Violations = (),
    retry_after_s: float | None = None,
) -> bytes:
    """Return a serialised google.rpc.Status as the platform sends it."""
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(reason=reason, domain="pulsemesh", metadata=metadata or {})
    )
    if violations:
        bad = error_details_pb2.BadRequest()
        for path, description in violations:
            bad.field_violations.add(field=path, description=description)
        status.details.add().Pack(bad)
    if retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(timedelta(seconds=retry_after_s))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    raw: bytes = status.SerializeToString()
    return raw


@dataclass(frozen=True)
class Failure:
    """One failed call: without a reason as the transport fails, with one as the platform does."""

    code: grpc.StatusCode
    reason: str = ""
    message: str = "told to fail"
    retry_after_s: float | None = None
    violations: Violations = ()

    async def abort(self, context: Any) -> None:
        trailing: tuple[tuple[str, bytes], ...] = ()
        if self.reason:
            raw = status_details(
                self.code,
                self.reason,
                self.message,
                retry_after_s=self.retry_after_s,
                violations=self.violations,
            )
            trailing = (("grpc-status-details-bin", raw),)
        await context.abort(self.code, self.message, trailing)


UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE)


@dataclass
class Call:
    """One call that a peer received."""

    method: str
    request: Message
    metadata: dict[str, str]
    time_remaining_s: float | None


@dataclass
class Script:
    """What a peer does before it answers, and what it has seen."""

    failures: defaultdict[str, deque[Failure]] = field(default_factory=lambda: defaultdict(deque))
    calls: list[Call] = field(default_factory=list)
    good_tokens: set[str] | None = None

    def fail(self, method: str, *failures: Failure) -> None:
        self.failures[method].extend(failures)

    def seen(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    async def enter(self, method: str, request: Message, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        copy = type(request)()
        copy.CopyFrom(request)
        self.calls.append(Call(method, copy, metadata, context.time_remaining()))
        if self.good_tokens is not None:
            token = metadata.get("authorization", "").removeprefix("Bearer ")
            if token not in self.good_tokens:
                await Failure(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_EXPIRED").abort(context)
        if self.failures[method]:
            await self.failures[method].popleft().abort(context)


class WorkoutPeer(workout_service_pb2_grpc.WorkoutServiceServicer):
    """Workouts in a dictionary."""

    def __init__(self, script: Script, workouts: Sequence[workout_pb2.Workout] = ()) -> None:
        self.script = script
        self.workouts = {workout.workout_id: workout for workout in workouts}
        self.segments: list[workout_pb2.StreamSegment] = []
        self.break_after: deque[int] = deque()
        """Segments to send before the next streams break."""

    async def GetWorkout(self, request: Any, context: Any) -> Any:
        await self.script.enter("GetWorkout", request, context)
        workout = self.workouts.get(request.workout_id)
        if workout is None:
            await Failure(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "there is no such workout").abort(context)
        return workout_service_pb2.GetWorkoutResponse(workout=workout)

    async def ListWorkouts(self, request: Any, context: Any) -> Any:
        await self.script.enter("ListWorkouts", request, context)
        sports = set(request.filter.sports)
        found = [w for w in self.workouts.values() if not sports or w.sport in sports]
        start = int(request.page_token or 0)
        end = start + (request.page_size or 25)
        token = str(end) if end < len(found) else ""
        return workout_service_pb2.ListWorkoutsResponse(workouts=found[start:end], next_page_token=token)

    async def UpdateWorkout(self, request: Any, context: Any) -> Any:
        await self.script.enter("UpdateWorkout", request, context)
        workout = self.workouts[request.workout.workout_id]
        if request.etag and request.etag != workout.etag:
            await Failure(grpc.StatusCode.ABORTED, "ETAG_MISMATCH").abort(context)
        for path in request.update_mask.paths:
            setattr(workout, path, getattr(request.workout, path))
        return workout_service_pb2.UpdateWorkoutResponse(workout=workout)

    async def DeleteWorkout(self, request: Any, context: Any) -> Any:
        await self.script.enter("DeleteWorkout", request, context)
        gone = self.workouts.pop(request.workout_id, None)
        return workout_service_pb2.DeleteWorkoutResponse(deleted=gone is not None)

    async def ReadStreams(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.script.enter("ReadStreams", request, context)
        limit = self.break_after.popleft() if self.break_after else None
        for index, segment in enumerate(self.segments):
            if index == limit:
                await UNAVAILABLE.abort(context)
            yield workout_service_pb2.ReadStreamsResponse(segment=segment)


class RecordingPeer(recording_service_pb2_grpc.RecordingServiceServicer):
    """Recordings in a dictionary, and watches that play what they are given."""

    def __init__(self, script: Script, recordings: Sequence[recording_pb2.Recording] = ()) -> None:
        self.script = script
        self.recordings = {recording.recording_id: recording for recording in recordings}
        self.watches: deque[list[recording_service_pb2.WatchRecordingResponse | Failure]] = deque()
        """What each next watch gives, one after the other."""
        self.endless = False
        """Let watches go on until they are cancelled."""

    async def GetRecording(self, request: Any, context: Any) -> Any:
        await self.script.enter("GetRecording", request, context)
        recording = self.recordings.get(request.recording_id)
        if recording is None:
            await Failure(grpc.StatusCode.NOT_FOUND, "NOT_FOUND").abort(context)
        return recording_service_pb2.GetRecordingResponse(recording=recording)

    async def ListRecordings(self, request: Any, context: Any) -> Any:
        await self.script.enter("ListRecordings", request, context)
        found = [r for r in self.recordings.values() if not request.states or r.state in request.states]
        return recording_service_pb2.ListRecordingsResponse(recordings=found)

    async def WatchRecording(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.script.enter("WatchRecording", request, context)
        while self.endless:
            yield recording_service_pb2.WatchRecordingResponse()
            await asyncio.sleep(0.05)
        for item in self.watches.popleft():
            if isinstance(item, Failure):
                await item.abort(context)
            yield item

    async def CloseRecording(self, request: Any, context: Any) -> Any:
        await self.script.enter("CloseRecording", request, context)
        return recording_service_pb2.CloseRecordingResponse(workout_id="0" * 26)

    async def DiscardRecording(self, request: Any, context: Any) -> Any:
        await self.script.enter("DiscardRecording", request, context)
        recording = self.recordings[request.recording_id]
        recording.state = recording_pb2.RECORDING_STATE_DISCARDED
        return recording_service_pb2.DiscardRecordingResponse(recording=recording)


class FilePeer(file_service_pb2_grpc.FileServiceServicer):
    """Files in a dictionary by their digest."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.files: dict[str, tuple[file_service_pb2.StoredFile, bytes]] = {}
        self.break_upload_after: deque[int] = deque()
        """Chunks to take before the next uploads break."""
        self.lose_answer = False
        """Keep the next file, and break the call instead of saying so."""
        self.break_download_after: deque[int] = deque()
        self.spoil = False

    async def UploadFile(self, request_iterator: Any, context: Any) -> Any:
        first = await anext(aiter(request_iterator))
        await self.script.enter("UploadFile", first, context)
        limit = self.break_upload_after.popleft() if self.break_upload_after else None
        content = b""
        chunks = 0
        async for request in request_iterator:
            content += request.chunk
            chunks += 1
            if chunks == limit:
                await UNAVAILABLE.abort(context)
        header = first.header
        stored = file_service_pb2.StoredFile(
            file_id=f"{len(self.files):026d}",
            name=header.name,
            size_bytes=header.size_bytes,
            sha256=header.sha256,
        )
        existed = header.sha256 in self.files
        self.files.setdefault(header.sha256, (stored, content))
        if self.lose_answer:
            self.lose_answer = False
            await UNAVAILABLE.abort(context)
        return file_service_pb2.UploadFileResponse(file=stored, existed=existed)

    async def FindFile(self, request: Any, context: Any) -> Any:
        await self.script.enter("FindFile", request, context)
        stored, _ = self.files.get(request.sha256, (None, b""))
        return file_service_pb2.FindFileResponse(file=stored)

    async def DownloadFile(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await self.script.enter("DownloadFile", request, context)
        limit = self.break_download_after.popleft() if self.break_download_after else None
        found = [held for held in self.files.values() if held[0].file_id == request.file_id]
        if not found:
            await Failure(grpc.StatusCode.NOT_FOUND, "NOT_FOUND").abort(context)
        stored, content = found[0]
        yield file_service_pb2.DownloadFileResponse(file=stored)
        for index, start in enumerate(range(0, len(content), 1000)):
            if index == limit:
                await UNAVAILABLE.abort(context)
            chunk = content[start : start + 1000]
            yield file_service_pb2.DownloadFileResponse(chunk=chunk[::-1] if self.spoil else chunk)


class IngestPeer(ingest_service_pb2_grpc.IngestServiceServicer):
    """Takes samples in, acknowledges each batch, and closes when asked to."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.opened: list[Any] = []
        self.samples: list[tuple[int, dict[int, int | None]]] = []
        self.finished: Any = None
        self.break_after_batches: deque[int] = deque()
        """Batches to take before the next calls break."""
        self.close_after_batches = -1
        """Batches after which the recording is closed, as if its owner did so elsewhere."""

    async def StreamSamples(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        first = await anext(aiter(request_iterator))
        await self.script.enter("StreamSamples", first, context)
        self.opened.append(first.open)
        limit = self.break_after_batches.popleft() if self.break_after_batches else None
        opened = ingest_service_pb2.Opened(
            next_sequences=[len(self.samples)],
            credit=16,
            heartbeat_interval_ms=10_000,
            max_batch_samples=7,
            resumed=len(self.opened) > 1,
        )
        yield ingest_service_pb2.StreamSamplesResponse(opened=opened)
        batches = 0
        async for request in request_iterator:
            if request.HasField("batch"):
                if batches == limit:
                    await UNAVAILABLE.abort(context)
                batches += 1
                self._store(request.batch)
                ack = ingest_service_pb2.Ack(credit=1)
                ack.sources.add(source=0, next_sequence=len(self.samples))
                yield ingest_service_pb2.StreamSamplesResponse(ack=ack)
                if batches == self.close_after_batches:
                    yield ingest_service_pb2.StreamSamplesResponse(closed=ingest_service_pb2.Closed())
                    return
            elif request.HasField("finish"):
                self.finished = request.finish
                closed = ingest_service_pb2.Closed(workout_id=f"{77:026d}")
                yield ingest_service_pb2.StreamSamplesResponse(closed=closed)
                return

    def _store(self, batch: Any) -> None:
        held = samples.decode_batch(batch)
        for index, time_ms in enumerate(held.times_ms):
            if held.first_sequence + index == len(self.samples):
                values = {channel: column[index] for channel, column in held.columns.items()}
                self.samples.append((time_ms, values))

    async def AppendSamples(self, request: Any, context: Any) -> Any:
        await self.script.enter("AppendSamples", request, context)
        return ingest_service_pb2.AppendSamplesResponse(next_sequences=[0])


class ExportPeer(export_service_pb2_grpc.ExportServiceServicer):
    """Gives the same content in pieces, whatever it is asked for."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.content = b"time,elapsed_s\n"
        self.file_name = "ride.csv"
        self.break_after: deque[int] = deque()
        """Pieces to send before the next export breaks."""
        self.lose_trailer = False

    async def ExportWorkout(self, request: Any, context: Any) -> Any:
        await self.script.enter("ExportWorkout", request, context)
        async for part in self._parts(context):
            yield export_service_pb2.ExportWorkoutResponse(**part)

    async def ExportArchive(self, request: Any, context: Any) -> Any:
        await self.script.enter("ExportArchive", request, context)
        progress = export_service_pb2.ArchiveProgress(workouts=2, workouts_total=2, damaged=1)
        async for part in self._parts(context):
            if "trailer" in part:
                yield export_service_pb2.ExportArchiveResponse(progress=progress)
            yield export_service_pb2.ExportArchiveResponse(**part)

    async def _parts(self, context: Any) -> AsyncIterator[dict[str, Any]]:
        limit = self.break_after.popleft() if self.break_after else None
        yield {"header": export_service_pb2.ExportHeader(file_name=self.file_name)}
        for number, start in enumerate(range(0, len(self.content), 1000)):
            if number == limit:
                await UNAVAILABLE.abort(context)
            yield {"chunk": self.content[start : start + 1000]}
        if not self.lose_trailer:
            digest = hashlib.sha256(self.content).hexdigest()
            yield {"trailer": export_service_pb2.ExportTrailer(size_bytes=len(self.content), sha256=digest)}


class AnalysisPeer(analysis_service_pb2_grpc.AnalysisServiceServicer):
    """Has the same analysis of every workout."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.analysis = analysis_pb2.Analysis()

    async def GetAnalysis(self, request: Any, context: Any) -> Any:
        await self.script.enter("GetAnalysis", request, context)
        return analysis_service_pb2.GetAnalysisResponse(analysis=self.analysis)


class IssuerPeer(auth_grpc.DevelopmentIssuerServiceServicer):
    """Gives a token that names the login."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def CreateAccessToken(self, request: Any, context: Any) -> Any:
        await self.script.enter("CreateAccessToken", request, context)
        response = auth.CreateAccessTokenResponse(
            access_token=f"token-of-{request.login}", user_id=f"eu_{request.login}"
        )
        response.expires_at.GetCurrentTime()
        response.expires_at.seconds += 3600
        return response


@dataclass
class Platform:
    """All peers behind one port."""

    target: str
    script: Script
    workouts: WorkoutPeer
    recordings: RecordingPeer
    files: FilePeer
    exports: ExportPeer
    analyses: AnalysisPeer
    ingest: IngestPeer


@contextlib.asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Serve all peers on a free port of this machine."""
    script = Script()
    workouts, recordings, files = WorkoutPeer(script), RecordingPeer(script), FilePeer(script)
    exports, analyses, ingest = ExportPeer(script), AnalysisPeer(script), IngestPeer(script)
    server = grpc.aio.server()
    workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(workouts, server)
    recording_service_pb2_grpc.add_RecordingServiceServicer_to_server(recordings, server)
    file_service_pb2_grpc.add_FileServiceServicer_to_server(files, server)
    export_service_pb2_grpc.add_ExportServiceServicer_to_server(exports, server)
    analysis_service_pb2_grpc.add_AnalysisServiceServicer_to_server(analyses, server)
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(ingest, server)
    auth_grpc.add_DevelopmentIssuerServiceServicer_to_server(IssuerPeer(script), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Platform(f"127.0.0.1:{port}", script, workouts, recordings, files, exports, analyses, ingest)
    finally:
        await server.stop(None)


@dataclass
class Pauses:
    """Takes the place of sleeping between attempts, and notes how long each sleep would have been."""

    taken: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)

    def settings(self, **changes: Any) -> RetrySettings:
        return RetrySettings(sleep=self.sleep, **changes)


def workout(number: int, **fields: Any) -> workout_pb2.Workout:
    """Return a workout whose id ends in `number`."""
    return workout_pb2.Workout(workout_id=f"{number:026d}", **fields)
