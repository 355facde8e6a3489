"""The server's side of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pulsemesh import samples
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest.machine.effects import (
    Failed,
    FinishRequested,
    OpenRequested,
    SendResponse,
    ServerEffect,
    StoreBatch,
)
from pulsemesh.ingest.machine.limits import MISSED_HEARTBEATS, Limits
from pulsemesh.ingest.machine.transitions import SERVER_TRANSITIONS, ServerEvent, ServerState
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2


@dataclass(slots=True)
class SourceState:
    """What a server knows of one source when a session opens it."""

    next_sequence: int
    channels: frozenset[int]
    complete: bool = False


@dataclass(slots=True)
class _Source:
    committed: int
    # Where the batches that are being committed end: what is expected next.
    expected: int
    channels: frozenset[int]
    complete: bool
    # Refused batches whose place is being marked, by their first sequence.
    refused: dict[int, wire.Rejection] = field(default_factory=dict)


class ServerSession:
    """One call's worth of the server's side.

    Feed it with `receive`, with the answers to the effects (`opened`, `committed`,
    `incomplete`, `closed`) and with `tick`; do what the returned effects say, in order.
    Acks are gathered: `take_ack` returns one message for all that was committed since
    the last.
    """

    def __init__(self, limits: Limits, *, now_s: float) -> None:
        self.state = ServerState.AWAITING_OPEN
        self._limits = limits
        self._sources: list[_Source] = []
        self._start_ms = 0
        self._granted = 0
        self._in_flight = 0
        self._owed_credit = 0
        self._changed: set[int] = set()
        self._finish: wire.FinishRecording | None = None
        self._heard_s = now_s

    def receive(self, request: wire.StreamSamplesRequest, *, now_s: float, now_ms: int) -> list[ServerEffect]:
        """Take in what the client sent. `now_ms` is the server's wall clock."""
        self._heard_s = now_s
        match request.WhichOneof("message"):
            case "batch":
                return self._try(ServerEvent.BATCH) or self._on_batch(request.batch, now_ms)
            case "heartbeat":
                return self._try(ServerEvent.HEARTBEAT) or [self._heartbeat(request.heartbeat, now_ms)]
            case "open":
                return self._try(ServerEvent.OPEN) or self._on_open(request.open)
            case "finish":
                return self._try(ServerEvent.FINISH) or self._on_finish(request.finish)
            case _:
                return self._violated("a message that names nothing")

    def tick(self, now_s: float) -> list[ServerEffect]:
        """Give up on a client that has been silent for too long."""
        silence = now_s - self._heard_s
        if self.state in (ServerState.CLOSED, ServerState.FAILED):
            return []
        if silence > MISSED_HEARTBEATS * self._limits.heartbeat_interval_s:
            return self._fail(
                reason_pb2.ERROR_REASON_HEARTBEAT_MISSED, f"nothing heard from the client for {silence:.0f} s"
            )
        return []

    def seconds_to_tick(self, now_s: float) -> float:
        """Return after how many seconds `tick` may have something to do; at least a tenth of an interval."""
        interval_s = self._limits.heartbeat_interval_s
        return max(interval_s / 10, self._heard_s + MISSED_HEARTBEATS * interval_s - now_s)

    # -- answers to effects

    def opened(
        self, sources: Sequence[SourceState], *, start_ms: int, resumed: bool, now_ms: int
    ) -> list[ServerEffect]:
        """The recording is open, and this session is the writer of its sources."""
        if failed := self._try(ServerEvent.OPENED):
            return failed
        self._sources = [
            _Source(one.next_sequence, one.next_sequence, one.channels, one.complete) for one in sources
        ]
        self._start_ms = start_ms
        self._granted = self._limits.credit
        answer = wire.Opened(
            next_sequences=[one.next_sequence for one in sources],
            credit=self._limits.credit,
            heartbeat_interval_ms=round(self._limits.heartbeat_interval_s * 1000),
            max_batch_samples=self._limits.max_batch_samples,
            server_time_ms=now_ms,
            resumed=resumed,
        )
        return [SendResponse(wire.StreamSamplesResponse(opened=answer))]

    def committed(self, stored: StoreBatch) -> list[ServerEffect]:
        """The samples of a `StoreBatch`, or the mark of a refused one, are durable."""
        if self.state in (ServerState.CLOSED, ServerState.FAILED):
            return []
        if failed := self._try(ServerEvent.COMMITTED):
            return failed
        source = self._sources[stored.source]
        source.committed = max(source.committed, stored.first_sequence + stored.count)
        self._in_flight -= 1
        self._give_back(stored.source)
        effects: list[ServerEffect] = []
        refused = source.refused.pop(stored.first_sequence, None)
        if refused is not None:
            refused.next_sequence = source.committed
            effects.append(SendResponse(wire.StreamSamplesResponse(rejection=refused)))
        return effects + self._drained()

    def incomplete(self) -> list[ServerEffect]:
        """The client announced more samples than are held."""
        answer = wire.Incomplete(next_sequences=[source.committed for source in self._sources])
        return self._try(ServerEvent.INCOMPLETE) or [
            SendResponse(wire.StreamSamplesResponse(incomplete=answer))
        ]

    def closed(self, closed: wire.Closed) -> list[ServerEffect]:
        """The client's sources are complete, or the recording was closed before."""
        return self._try(ServerEvent.CLOSED) or [SendResponse(wire.StreamSamplesResponse(closed=closed))]

    def take_ack(self) -> wire.Ack | None:
        """Return one ack for everything since the last one, None where there is nothing to say."""
        if not self._changed and not self._owed_credit:
            return None
        if self.state in (ServerState.CLOSED, ServerState.FAILED):
            return None
        ack = wire.Ack(credit=self._owed_credit)
        for source in sorted(self._changed):
            ack.sources.add(source=source, next_sequence=self._sources[source].committed)
        self._granted += self._owed_credit
        self._owed_credit = 0
        self._changed.clear()
        return ack

    # -- what the client sent

    def _on_open(self, open_recording: wire.OpenRecording) -> list[ServerEffect]:
        names = [source.source_id for source in open_recording.sources]
        if len(set(names)) != len(names):
            return self._violated("sources: a source_id stands twice")
        return [OpenRequested(open_recording)]

    def _on_batch(self, batch: sample_pb2.SampleBatch, now_ms: int) -> list[ServerEffect]:
        if self._granted < 1:
            return self._fail(
                reason_pb2.ERROR_REASON_CREDIT_EXCEEDED,
                f"more than {self._limits.credit} batches on their way; wait for acks",
            )
        self._granted -= 1
        if batch.source >= len(self._sources):
            return [self._reject_unknown(batch)]
        source = self._sources[batch.source]
        count = samples.sample_count(batch)
        if batch.first_sequence + count <= source.expected:
            self._give_back(batch.source)
            return []
        if batch.first_sequence > source.expected:
            return [self._reject_gap(batch, source, count)]
        return [self._accept(batch, source, count, now_ms)]

    def _accept(self, batch: sample_pb2.SampleBatch, source: _Source, count: int, now_ms: int) -> StoreBatch:
        first, end = source.expected, batch.first_sequence + count
        fault = self._check(batch, source, now_ms)
        source.expected = end
        self._in_flight += 1
        if fault is not None:
            source.refused[first] = _rejection(
                batch, fault, wire.REJECTION_REMEDY_SET_ASIDE, first, end - first
            )
            return StoreBatch(batch.source, first, end - first, None, fault)
        if first > batch.first_sequence:
            batch = samples.slice_batch(batch, first - batch.first_sequence)
        return StoreBatch(batch.source, first, end - first, batch, None)

    def _check(self, batch: sample_pb2.SampleBatch, source: _Source, now_ms: int) -> samples.Fault | None:
        if source.complete:
            return samples.Fault(
                wire.REJECTION_REASON_SOURCE_COMPLETE, "source", "the source was finished before"
            )
        return samples.check_batch(
            batch,
            source.channels,
            earliest_ms=self._start_ms - self._limits.earliest_before_start_ms,
            latest_ms=now_ms + self._limits.latest_after_now_ms,
            max_samples=self._limits.max_batch_samples,
        )

    def _reject_gap(self, batch: sample_pb2.SampleBatch, source: _Source, count: int) -> SendResponse:
        self._give_back(batch.source)
        fault = samples.Fault(
            wire.REJECTION_REASON_SEQUENCE_GAP,
            "first_sequence",
            f"{source.expected} is next, the batch begins at {batch.first_sequence}",
        )
        rejection = _rejection(batch, fault, wire.REJECTION_REMEDY_RESEND, batch.first_sequence, count)
        rejection.next_sequence = source.expected
        return SendResponse(wire.StreamSamplesResponse(rejection=rejection))

    def _reject_unknown(self, batch: sample_pb2.SampleBatch) -> SendResponse:
        self._owed_credit += 1
        fault = samples.Fault(
            wire.REJECTION_REASON_SOURCE_UNKNOWN,
            "source",
            f"source {batch.source}; {len(self._sources)} were opened",
        )
        rejection = _rejection(
            batch, fault, wire.REJECTION_REMEDY_SET_ASIDE, batch.first_sequence, samples.sample_count(batch)
        )
        return SendResponse(wire.StreamSamplesResponse(rejection=rejection))

    def _on_finish(self, finish: wire.FinishRecording) -> list[ServerEffect]:
        if len(finish.sample_counts) != len(self._sources):
            return self._violated(
                f"finish.sample_counts: {len(finish.sample_counts)} counts for {len(self._sources)} sources"
            )
        self._finish = finish
        return self._drained()

    def _drained(self) -> list[ServerEffect]:
        if self.state is not ServerState.DRAINING or self._in_flight or self._finish is None:
            return []
        finish, self._finish = self._finish, None
        return self._try(ServerEvent.DRAINED) or [FinishRequested(finish)]

    def _heartbeat(self, heartbeat: wire.Heartbeat, now_ms: int) -> SendResponse:
        answer = wire.Heartbeat(client_time_ms=heartbeat.client_time_ms, server_time_ms=now_ms)
        return SendResponse(wire.StreamSamplesResponse(heartbeat=answer))

    # -- moving

    def _give_back(self, source: int) -> None:
        self._owed_credit += 1
        self._changed.add(source)

    def _try(self, event: ServerEvent) -> list[ServerEffect]:
        target = SERVER_TRANSITIONS.get((self.state, event))
        if target is None:
            return self._violated(f"{event.name} is not possible while {self.state.name}")
        self.state = target
        return []

    def _violated(self, message: str) -> list[ServerEffect]:
        return self._fail(reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION, message)

    def _fail(self, reason: reason_pb2.ErrorReason.ValueType, message: str) -> list[ServerEffect]:
        self.state = ServerState.FAILED
        return [Failed(reason, message)]


def _rejection(
    batch: sample_pb2.SampleBatch,
    fault: samples.Fault,
    remedy: wire.RejectionRemedy.ValueType,
    first_sequence: int,
    count: int,
) -> wire.Rejection:
    return wire.Rejection(
        source=batch.source,
        first_sequence=first_sequence,
        samples=count,
        reason=fault.reason,
        remedy=remedy,
        field=fault.field,
        detail=fault.detail,
    )
