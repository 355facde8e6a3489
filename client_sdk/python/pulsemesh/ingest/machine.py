"""The ingest protocol as two state machines without any input or output.

A `ClientSession` and a `ServerSession` are fed with what arrived and with what was
done, and return effects: messages to send and things to do. They own no socket, no
clock and no store, so the same code runs on both ends, in the simulator and under
the fuzzer. The transitions of each end stand in one table; whatever is not in it is
a protocol violation.

The rules that both keep:

* The samples of a source are numbered from 0 without gaps. A batch carries samples
  ``first_sequence`` to ``first_sequence + count - 1``.
* The server stores a batch that begins where its knowledge of the source ends. A
  batch that begins earlier is trimmed or passed over; one that begins later is
  rejected with RESEND, and the client goes back to what the server expects.
* A batch that can never be stored is rejected with SET_ASIDE once its place in the
  sequence is durably marked: the samples after it are not held up.
* An ack is cumulative and means committed. Credit counts batches: each one sent
  takes one, each one committed, repeated or rejected gives one back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from pulsemesh import samples
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2

__all__ = [
    "CLIENT_TRANSITIONS",
    "SERVER_TRANSITIONS",
    "Acknowledged",
    "ClientEvent",
    "ClientSession",
    "ClientState",
    "Ended",
    "Failed",
    "FinishRequested",
    "Limits",
    "OpenRequested",
    "Opened",
    "SendRequest",
    "SendResponse",
    "ServerEvent",
    "ServerSession",
    "ServerState",
    "SetAside",
    "SourceState",
    "StoreBatch",
    "Wanted",
]

# Silence longer than this many heartbeat intervals means that the other side is dead.
MISSED_HEARTBEATS = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants its clients."""

    credit: int = 16
    """Batches that may be on their way unacknowledged."""
    heartbeat_interval_s: float = 10.0
    max_batch_samples: int = 5_000
    earliest_before_start_ms: int = 86_400_000
    """How far before the recording's start a sample may lie."""
    latest_after_now_ms: int = 86_400_000
    """How far ahead of the server's clock a sample may lie."""


# --------------------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class SendRequest:
    """The client sends this."""

    request: wire.StreamSamplesRequest


@dataclass(frozen=True, slots=True)
class SendResponse:
    """The server sends this."""

    response: wire.StreamSamplesResponse


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over; the call ends with an error that says why."""

    reason: reason_pb2.ErrorReason.ValueType
    message: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Client: the server holds `next_sequences` of the sources; sending goes on from there."""

    next_sequences: tuple[int, ...]
    resumed: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Client: every sample of `source` below `next_sequence` is committed."""

    source: int
    next_sequence: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """Client: these samples were refused for good; keep them for a person to look at."""

    rejection: wire.Rejection


@dataclass(frozen=True, slots=True)
class Ended:
    """Client: the server has closed the client's sources."""

    closed: wire.Closed


@dataclass(frozen=True, slots=True)
class OpenRequested:
    """Server: look the recording up, or begin it; answer with `opened` or `closed`."""

    open: wire.OpenRecording


@dataclass(frozen=True, slots=True)
class StoreBatch:
    """Server: commit `count` samples of `source` from `first_sequence` on; answer with `committed`.

    `batch` is None where the samples were refused: then only their place is marked, with
    the rejection's reason.
    """

    source: int
    first_sequence: int
    count: int
    batch: sample_pb2.SampleBatch | None
    fault: samples.Fault | None


@dataclass(frozen=True, slots=True)
class FinishRequested:
    """Server: complete the client's sources; answer with `incomplete` or `closed`."""

    finish: wire.FinishRecording


ClientEffect = SendRequest | Failed | Opened | Acknowledged | SetAside | Ended
ServerEffect = SendResponse | Failed | OpenRequested | StoreBatch | FinishRequested


# ---------------------------------------------------------------------------- tables


class ClientState(Enum):
    """Where a client stands."""

    IDLE = auto()
    OPENING = auto()
    STREAMING = auto()
    FINISHING = auto()
    ENDED = auto()
    FAILED = auto()


class ClientEvent(Enum):
    """What can happen to a client."""

    OPEN = auto()
    OPENED = auto()
    SEND_BATCH = auto()
    FINISH = auto()
    ACK = auto()
    REJECTION = auto()
    INCOMPLETE = auto()
    CLOSED = auto()
    HEARTBEAT = auto()


CLIENT_TRANSITIONS: Mapping[tuple[ClientState, ClientEvent], ClientState] = {
    (ClientState.IDLE, ClientEvent.OPEN): ClientState.OPENING,
    (ClientState.OPENING, ClientEvent.OPENED): ClientState.STREAMING,
    (ClientState.OPENING, ClientEvent.CLOSED): ClientState.ENDED,
    (ClientState.OPENING, ClientEvent.HEARTBEAT): ClientState.OPENING,
    (ClientState.STREAMING, ClientEvent.SEND_BATCH): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.ACK): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.REJECTION): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.HEARTBEAT): ClientState.STREAMING,
    (ClientState.STREAMING, ClientEvent.FINISH): ClientState.FINISHING,
    # Another writer, or the owner, closed the recording under us.
    (ClientState.STREAMING, ClientEvent.CLOSED): ClientState.ENDED,
    (ClientState.FINISHING, ClientEvent.ACK): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.REJECTION): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.HEARTBEAT): ClientState.FINISHING,
    (ClientState.FINISHING, ClientEvent.INCOMPLETE): ClientState.STREAMING,
    (ClientState.FINISHING, ClientEvent.CLOSED): ClientState.ENDED,
}


class ServerState(Enum):
    """Where a server stands with one client."""

    AWAITING_OPEN = auto()
    OPENING = auto()
    STREAMING = auto()
    # A finish was received; batches before it are still being committed.
    DRAINING = auto()
    FINISHING = auto()
    CLOSED = auto()
    FAILED = auto()


class ServerEvent(Enum):
    """What can happen to a server."""

    OPEN = auto()
    OPENED = auto()
    BATCH = auto()
    COMMITTED = auto()
    FINISH = auto()
    DRAINED = auto()
    INCOMPLETE = auto()
    CLOSED = auto()
    HEARTBEAT = auto()


SERVER_TRANSITIONS: Mapping[tuple[ServerState, ServerEvent], ServerState] = {
    (ServerState.AWAITING_OPEN, ServerEvent.OPEN): ServerState.OPENING,
    (ServerState.OPENING, ServerEvent.OPENED): ServerState.STREAMING,
    (ServerState.OPENING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.OPENING, ServerEvent.HEARTBEAT): ServerState.OPENING,
    (ServerState.STREAMING, ServerEvent.BATCH): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.COMMITTED): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.HEARTBEAT): ServerState.STREAMING,
    (ServerState.STREAMING, ServerEvent.FINISH): ServerState.DRAINING,
    (ServerState.STREAMING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.DRAINING, ServerEvent.COMMITTED): ServerState.DRAINING,
    (ServerState.DRAINING, ServerEvent.HEARTBEAT): ServerState.DRAINING,
    (ServerState.DRAINING, ServerEvent.DRAINED): ServerState.FINISHING,
    (ServerState.DRAINING, ServerEvent.CLOSED): ServerState.CLOSED,
    (ServerState.FINISHING, ServerEvent.HEARTBEAT): ServerState.FINISHING,
    (ServerState.FINISHING, ServerEvent.INCOMPLETE): ServerState.STREAMING,
    (ServerState.FINISHING, ServerEvent.CLOSED): ServerState.CLOSED,
}


# ---------------------------------------------------------------------------- client


@dataclass(frozen=True, slots=True)
class Wanted:
    """The client may send a batch of `source` that begins at `sequence`."""

    source: int
    sequence: int
    max_samples: int


@dataclass(slots=True)
class _Sent:
    source: int
    first_sequence: int
    generation: int


class ClientSession:
    """One call's worth of the client's side.

    Feed it with `start`, `send_batch`, `finish`, `receive` and `tick`; do what the
    returned effects say. A new call needs a new session: the server's answer to the
    open says where to go on.
    """

    def __init__(self, open_recording: wire.OpenRecording, *, now_s: float) -> None:
        self.state = ClientState.IDLE
        self.credit = 0
        self.max_batch_samples = 1
        self._open = open_recording
        self._cursors: list[int] = []
        self._acknowledged: list[int] = []
        # Grows when a source goes back: rejections of what was sent before are stale.
        self._generations = [0] * len(open_recording.sources)
        self._in_flight: deque[_Sent] = deque()
        self._heartbeat_s = Limits().heartbeat_interval_s
        self._sent_s = now_s
        self._heard_s = now_s
        self._turn = 0

    @property
    def in_flight(self) -> int:
        """Batches sent that the server has not yet committed, repeated or rejected."""
        return len(self._in_flight)

    def cursor(self, source: int) -> int:
        """Return the sequence that the next batch of `source` begins with."""
        return self._cursors[source]

    def start(self, now_s: float) -> list[ClientEffect]:
        """Open the recording."""
        self._move(ClientEvent.OPEN)
        return [self._send(wire.StreamSamplesRequest(open=self._open), now_s)]

    def wanted(self) -> list[Wanted]:
        """Return which batches may be sent now, one a source, each source having its turn first in time."""
        if self.state is not ClientState.STREAMING or self.credit < 1:
            return []
        count = len(self._cursors)
        order = [(self._turn + step) % count for step in range(count)]
        return [Wanted(source, self._cursors[source], self.max_batch_samples) for source in order]

    def send_batch(self, batch: sample_pb2.SampleBatch, now_s: float) -> list[ClientEffect]:
        """Send a batch that begins at its source's cursor. Raises `ValueError` where it does not."""
        if self.credit < 1:
            raise ValueError("no credit: wait for an ack")
        if batch.first_sequence != self._cursors[batch.source]:
            raise ValueError(
                f"source {batch.source}: the batch begins at {batch.first_sequence}, "
                f"{self._cursors[batch.source]} is next"
            )
        self._move(ClientEvent.SEND_BATCH)
        self.credit -= 1
        source = batch.source
        self._turn = source + 1
        self._in_flight.append(_Sent(source, batch.first_sequence, self._generations[source]))
        self._cursors[source] += samples.sample_count(batch)
        return [self._send(wire.StreamSamplesRequest(batch=batch), now_s)]

    def finish(self, finish: wire.FinishRecording, now_s: float) -> list[ClientEffect]:
        """Say that the client's sources are complete. Everything must have been sent before."""
        self._move(ClientEvent.FINISH)
        return [self._send(wire.StreamSamplesRequest(finish=finish), now_s)]

    def tick(self, now_s: float) -> list[ClientEffect]:
        """Keep the call alive; call it at least every `seconds_to_tick`."""
        if self.state in (ClientState.IDLE, ClientState.ENDED, ClientState.FAILED):
            return []
        if now_s - self._heard_s > MISSED_HEARTBEATS * self._heartbeat_s:
            return self._fail(
                reason_pb2.ERROR_REASON_HEARTBEAT_MISSED,
                f"nothing heard from the server for {now_s - self._heard_s:.0f} s",
            )
        if now_s - self._sent_s >= self._heartbeat_s:
            return [self._send(wire.StreamSamplesRequest(heartbeat=wire.Heartbeat()), now_s)]
        return []

    def seconds_to_tick(self, now_s: float) -> float:
        """Return after how many seconds `tick` has something to do, at the latest."""
        return max(0.0, self._sent_s + self._heartbeat_s - now_s)

    def receive(self, response: wire.StreamSamplesResponse, now_s: float) -> list[ClientEffect]:
        """Take in what the server sent."""
        self._heard_s = now_s
        match response.WhichOneof("message"):
            case "opened":
                return self._on_opened(response.opened)
            case "ack":
                return self._on_ack(response.ack)
            case "rejection":
                return self._on_rejection(response.rejection)
            case "incomplete":
                return self._on_incomplete(response.incomplete)
            case "closed":
                return self._on_closed(response.closed)
            case "heartbeat":
                return self._try(ClientEvent.HEARTBEAT)
            case _:
                return []  # a message of a later version of the contract

    # -- what the server sent

    def _on_opened(self, opened: wire.Opened) -> list[ClientEffect]:
        if failed := self._try(ClientEvent.OPENED):
            return failed
        if len(opened.next_sequences) != len(self._open.sources):
            return self._violated(
                f"{len(opened.next_sequences)} sequences for {len(self._open.sources)} sources"
            )
        self._cursors = list(opened.next_sequences)
        self._acknowledged = list(opened.next_sequences)
        self.credit = opened.credit
        self.max_batch_samples = opened.max_batch_samples or 1
        if opened.heartbeat_interval_ms:
            self._heartbeat_s = opened.heartbeat_interval_ms / 1000
        return [Opened(tuple(opened.next_sequences), opened.resumed)]

    def _on_ack(self, ack: wire.Ack) -> list[ClientEffect]:
        if failed := self._try(ClientEvent.ACK):
            return failed
        self.credit += ack.credit
        for _ in range(min(ack.credit, len(self._in_flight))):
            self._in_flight.popleft()
        return self._acknowledge([(one.source, one.next_sequence) for one in ack.sources])

    def _acknowledge(self, pairs: Sequence[tuple[int, int]]) -> list[ClientEffect]:
        effects: list[ClientEffect] = []
        for source, next_sequence in pairs:
            if source >= len(self._cursors):
                return self._violated(f"an ack of source {source}, which was not opened")
            if next_sequence > self._acknowledged[source]:
                self._acknowledged[source] = next_sequence
                self._cursors[source] = max(self._cursors[source], next_sequence)
                effects.append(Acknowledged(source, next_sequence))
        return effects

    def _on_rejection(self, rejection: wire.Rejection) -> list[ClientEffect]:
        if failed := self._try(ClientEvent.REJECTION):
            return failed
        if rejection.remedy != wire.REJECTION_REMEDY_RESEND:
            return [SetAside(rejection)]
        if rejection.source >= len(self._cursors):
            return self._violated(f"a rejection of source {rejection.source}, which was not opened")
        if self._is_current(rejection):
            self._go_back(rejection.source, rejection.next_sequence)
        return []

    def _is_current(self, rejection: wire.Rejection) -> bool:
        generation = self._generations[rejection.source]
        return any(
            sent.source == rejection.source
            and sent.first_sequence == rejection.first_sequence
            and sent.generation == generation
            for sent in self._in_flight
        )

    def _go_back(self, source: int, sequence: int) -> None:
        self._cursors[source] = sequence
        self._generations[source] += 1

    def _on_incomplete(self, incomplete: wire.Incomplete) -> list[ClientEffect]:
        if failed := self._try(ClientEvent.INCOMPLETE):
            return failed
        if len(incomplete.next_sequences) != len(self._cursors):
            return self._violated("an Incomplete that does not name every source")
        for source, sequence in enumerate(incomplete.next_sequences):
            self._go_back(source, sequence)
        return []

    def _on_closed(self, closed: wire.Closed) -> list[ClientEffect]:
        return self._try(ClientEvent.CLOSED) or [Ended(closed)]

    # -- moving

    def _send(self, request: wire.StreamSamplesRequest, now_s: float) -> SendRequest:
        self._sent_s = now_s
        return SendRequest(request)

    def _move(self, event: ClientEvent) -> None:
        target = CLIENT_TRANSITIONS.get((self.state, event))
        if target is None:
            raise ValueError(f"{event.name} is not possible while {self.state.name}")
        self.state = target

    def _try(self, event: ClientEvent) -> list[ClientEffect]:
        if (self.state, event) not in CLIENT_TRANSITIONS:
            return self._violated(f"the server sent {event.name} while {self.state.name}")
        self._move(event)
        return []

    def _violated(self, message: str) -> list[ClientEffect]:
        return self._fail(reason_pb2.ERROR_REASON_PROTOCOL_VIOLATION, message)

    def _fail(self, reason: reason_pb2.ErrorReason.ValueType, message: str) -> list[ClientEffect]:
        self.state = ClientState.FAILED
        return [Failed(reason, message)]


# ---------------------------------------------------------------------------- server


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
