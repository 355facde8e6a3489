"""The client's side of one call."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pulsemesh import samples
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest.machine.effects import (
    Acknowledged,
    ClientEffect,
    Ended,
    Failed,
    Opened,
    SendRequest,
    SetAside,
)
from pulsemesh.ingest.machine.limits import MISSED_HEARTBEATS, Limits
from pulsemesh.ingest.machine.transitions import CLIENT_TRANSITIONS, ClientEvent, ClientState
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2


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
        heartbeat_due_s = self._sent_s + self._heartbeat_s
        given_up_s = self._heard_s + MISSED_HEARTBEATS * self._heartbeat_s
        return max(0.0, min(heartbeat_due_s, given_up_s) - now_s)

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
