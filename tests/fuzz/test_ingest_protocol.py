"""Two protocol machines under every mixture of loss, repeat, reordering and reconnection.

The network, the store and the feed are a few lines of plain Python each, so that hypothesis
drives every interleaving; the claim is always the same: what is stored is what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh import samples
from pulsemesh.ingest import machine
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2, sample_pb2

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
LIMITS = machine.Limits(credit=4, max_batch_samples=5)
START_MS = 1_700_000_000_000


def value_of(source: int, sequence: int) -> int:
    return (source + 1) * 100_000 + sequence


@dataclass
class Store:
    """What is durable: the samples of each source, and which of them were refused."""

    held: list[list[int]]
    refused: int = 0

    def commit(self, stored: machine.StoreBatch) -> None:
        rows = self.held[stored.source]
        assert stored.first_sequence == len(rows), "committed out of sequence"
        if stored.batch is None:
            rows.extend([-1] * stored.count)
            self.refused += stored.count
            return
        values = samples.decode_batch(stored.batch).columns[HEART_RATE]
        assert len(values) == stored.count
        rows.extend(value for value in values if value is not None)


@dataclass
class Run:
    counts: list[int]
    store: Store
    acknowledged: list[int]
    client: machine.ClientSession = field(init=False)
    server: machine.ServerSession = field(init=False)
    up: list[wire.StreamSamplesRequest] = field(default_factory=list)
    down: list[wire.StreamSamplesResponse] = field(default_factory=list)
    committing: list[machine.StoreBatch] = field(default_factory=list)
    closed: wire.Closed | None = None
    failures: int = 0
    lost: bool = False

    def connect(self) -> None:
        opening = wire.OpenRecording(recording_id="0" * 26, writer_id="w", start_time_ms=START_MS)
        for index in range(len(self.counts)):
            opening.sources.add(source_id=f"s{index}", channels=[HEART_RATE])
        # What was being committed when the call broke may or may not have become durable.
        self.up, self.down, self.committing = [], [], []
        self.lost = False
        self.client = machine.ClientSession(opening, now_s=0)
        self.server = machine.ServerSession(LIMITS, now_s=0)
        self.from_client(self.client.start(0))

    def from_client(self, effects: list[machine.ClientEffect]) -> None:
        for effect in effects:
            match effect:
                case machine.SendRequest(request):
                    self.up.append(wire.StreamSamplesRequest.FromString(request.SerializeToString()))
                case machine.Acknowledged(source, next_sequence):
                    assert next_sequence <= len(self.store.held[source]), "acknowledged before it was durable"
                    assert next_sequence > self.acknowledged[source]
                    self.acknowledged[source] = next_sequence
                case machine.Ended(closed):
                    self.closed = closed
                case machine.Failed():
                    self.failures += 1

    def from_server(self, effects: list[machine.ServerEffect]) -> None:
        for effect in effects:
            match effect:
                case machine.SendResponse(response):
                    self.down.append(response)
                case machine.OpenRequested():
                    known = [
                        machine.SourceState(len(rows), frozenset({HEART_RATE})) for rows in self.store.held
                    ]
                    self.from_server(
                        self.server.opened(known, start_ms=START_MS, resumed=True, now_ms=START_MS)
                    )
                case machine.StoreBatch():
                    self.committing.append(effect)
                case machine.FinishRequested(finish):
                    whole = all(
                        len(rows) >= count
                        for rows, count in zip(self.store.held, finish.sample_counts, strict=True)
                    )
                    answer = (
                        self.server.closed(wire.Closed(workout_id="W")) if whole else self.server.incomplete()
                    )
                    self.from_server(answer)
                case machine.Failed():
                    self.failures += 1

    def client_sends(self, size: int, overlap: int) -> None:
        for wanted in self.client.wanted():
            left = self.counts[wanted.source] - wanted.sequence
            if left > 0:
                batch = self.make(wanted.source, wanted.sequence, min(size, left, wanted.max_samples))
                if overlap and wanted.sequence >= overlap and self.client.credit > 1:
                    self.overlapping(wanted.source, wanted.sequence - overlap, overlap + 1)
                self.from_client(self.client.send_batch(batch, 0))
                return
        if self.client.state is machine.ClientState.STREAMING:
            cursors = [self.client.cursor(index) for index in range(len(self.counts))]
            if all(cursor >= count for cursor, count in zip(cursors, self.counts, strict=True)):
                self.from_client(self.client.finish(wire.FinishRecording(sample_counts=self.counts), 0))

    def overlapping(self, source: int, sequence: int, count: int) -> None:
        """Samples that a confused client sends twice, in batches cut at other places."""
        self.client.credit -= 1
        batch = self.make(source, sequence, min(count, self.counts[source] - sequence))
        self.up.append(wire.StreamSamplesRequest(batch=batch))

    def make(self, source: int, sequence: int, count: int) -> sample_pb2.SampleBatch:
        numbers = range(sequence, sequence + count)
        return samples.encode_batch(
            source,
            sequence,
            [START_MS + number for number in numbers],
            {HEART_RATE: [value_of(source, number) for number in numbers]},
        )

    def deliver_up(self) -> None:
        if self.up and self.server.state is not machine.ServerState.FAILED:
            self.from_server(self.server.receive(self.up.pop(0), now_s=0, now_ms=START_MS))

    def deliver_down(self) -> None:
        if self.down and self.client.state is not machine.ClientState.FAILED:
            self.from_client(self.client.receive(self.down.pop(0), 0))

    def commit(self) -> None:
        if self.committing:
            stored = self.committing.pop(0)
            self.store.commit(stored)
            self.from_server(self.server.committed(stored))

    def ack(self) -> None:
        ack = self.server.take_ack()
        if ack is not None:
            self.down.append(wire.StreamSamplesResponse(ack=ack))

    def settle(self) -> None:
        """Let everything arrive, on a new call only if the old one is broken.

        A lost batch takes its credit along: gRPC loses nothing within a call, so a loss comes with its end.
        """
        broken = (machine.ClientState.FAILED, machine.ServerState.FAILED, machine.ServerState.CLOSED)
        if self.lost or self.client.state in broken or self.server.state in broken:
            self.connect()
        for _ in range(3_000):
            if self.closed is not None:
                return
            self.client_sends(3, 0)
            self.deliver_up()
            self.commit()
            self.ack()
            self.deliver_down()
        raise AssertionError("the recording did not close")


STEPS = ["send", "send", "up", "up", "down", "down", "commit", "ack"]
FAULTS = ["reconnect", "repeat", "lose", "swap", "overlap", "commit_unseen"]


def apply(run: Run, step: str, number: int) -> None:
    match step:
        case "send":
            run.client_sends(number % 4 + 1, 0)
        case "overlap":
            run.client_sends(number % 4 + 1, number % 3 + 1)
        case "up":
            run.deliver_up()
        case "down":
            run.deliver_down()
        case "commit":
            run.commit()
        case "ack":
            run.ack()
        case "reconnect":
            run.connect()
        case "repeat" if run.up and run.up[0].HasField("batch"):
            if run.client.credit > 0:
                run.client.credit -= 1
                run.up.insert(1, run.up[0])
        case "lose" if run.up and run.up[-1].HasField("batch"):
            run.up.pop()
            run.lost = True
        case "swap" if len(run.up) > 1 and all(request.HasField("batch") for request in run.up[-2:]):
            run.up[-1], run.up[-2] = run.up[-2], run.up[-1]
        case "commit_unseen" if run.committing:
            # Durable, but the call breaks before anybody hears of it.
            run.store.commit(run.committing.pop(0))
            run.connect()


steps = st.tuples(st.sampled_from(STEPS * 3 + FAULTS), st.integers(0, 11))


@settings(max_examples=400, deadline=None)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    script=st.lists(steps, min_size=60, max_size=250),
)
def test_whatever_the_network_does_the_stored_samples_equal_the_sent_ones(
    counts: list[int], script: list[tuple[str, int]]
) -> None:
    run = Run(counts, Store([[] for _ in counts]), [0] * len(counts))
    run.connect()
    for step, number in script:
        if run.closed is not None:
            break
        apply(run, step, number)
    if run.closed is None:
        run.settle()
    for source, count in enumerate(counts):
        assert run.store.held[source] == [value_of(source, number) for number in range(count)]
    assert run.store.refused == 0
    assert run.failures == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=30))
def test_any_messages_leave_the_server_in_a_state_of_its_table(messages: list[bytes]) -> None:
    server = machine.ServerSession(LIMITS, now_s=0)
    for content in messages:
        request = wire.StreamSamplesRequest()
        try:
            request.ParseFromString(content)
        except Exception:
            continue
        effects = server.receive(request, now_s=0, now_ms=START_MS)
        for effect in effects:
            if isinstance(effect, machine.OpenRequested):
                known = [machine.SourceState(0, frozenset({HEART_RATE})) for _ in effect.open.sources]
                server.opened(known, start_ms=START_MS, resumed=False, now_ms=START_MS)
            if isinstance(effect, machine.StoreBatch):
                server.committed(effect)
        if server.state is machine.ServerState.FAILED:
            return


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=30))
def test_any_messages_leave_the_client_in_a_state_of_its_table(messages: list[bytes]) -> None:
    opening = wire.OpenRecording(sources=[recording_pb2.Source(source_id="s", channels=[HEART_RATE])])
    client = machine.ClientSession(opening, now_s=0)
    client.start(0)
    for content in messages:
        response = wire.StreamSamplesResponse()
        try:
            response.ParseFromString(content)
        except Exception:
            continue
        client.receive(response, 0)
        if client.state is machine.ClientState.FAILED:
            return
