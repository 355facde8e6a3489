"""Any interleaving of appends, reads, acks and restarts gives back exactly what was appended."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_edge.spool import NewRecording, RecordingKind, Spool, SpoolFeed, SpoolLimits, open_spool
from ingest_edge.spool.batches import joined
from pulsemesh.samples import decode_batch, encode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import ingest_service_pb2, recording_pb2, sample_pb2

LIMITS = SpoolLimits(min_free_bytes=0)
CHANNELS = (channel_pb2.CHANNEL_HEART_RATE, channel_pb2.CHANNEL_POWER, channel_pb2.CHANNEL_SPEED)
SOURCES = ("a", "b")
Sample = tuple[int, tuple[int | None, ...]]

_wire = st.integers(-(2**31), 2**31 - 1)


@st.composite
def _samples(draw: st.DrawFn) -> list[Sample]:
    """Samples that carry some of the channels, with gaps; the first has one at least."""
    carried = draw(st.sets(st.sampled_from(range(3)), min_size=1))
    count = draw(st.integers(1, 12))
    # A clock may be set by years between two batches, and step back within one.
    first_ms = draw(st.sampled_from((10**12, 10**12 + 5_000, 10**9)))
    steps = draw(st.lists(st.integers(-5_000, 100_000_000), min_size=count, max_size=count))
    rows: list[Sample] = []
    for time_ms in accumulate(steps, initial=first_ms):
        values = tuple(draw(st.none() | _wire) if index in carried else None for index in range(3))
        rows.append((time_ms, values))
    return rows[:count]


@dataclass(frozen=True)
class Append:
    source: int
    samples: list[Sample]


@dataclass(frozen=True)
class Read:
    source: int
    back: int
    most: int


@dataclass(frozen=True)
class Acknowledge:
    source: int
    part: float


@dataclass(frozen=True)
class SetAside:
    source: int
    back: int
    count: int


class Restart:
    def __repr__(self) -> str:
        return "Restart()"


Step = Append | Read | Acknowledge | SetAside | Restart
_source = st.integers(0, 1)
_steps = st.lists(
    st.one_of(
        st.builds(Append, _source, _samples()),
        st.builds(Read, _source, st.integers(0, 40), st.integers(1, 30)),
        st.builds(Acknowledge, _source, st.floats(0, 1)),
        st.builds(SetAside, _source, st.integers(1, 20), st.integers(1, 10)),
        st.just(Restart()),
    ),
    min_size=1,
    max_size=25,
)


def _batch(samples: list[Sample]) -> sample_pb2.SampleBatch:
    columns: dict[int, list[int | None]] = {
        channel: [values[index] for _, values in samples]
        for index, channel in enumerate(CHANNELS)
        if any(values[index] is not None for _, values in samples) or index == 0
    }
    return encode_batch(0, 0, [time_ms for time_ms, _ in samples], columns)


class _Run:
    """The spool beside the plainest model of it: a list of samples a source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recording_id = new_ulid()
        self.model: list[list[Sample]] = [[], []]
        self.acknowledged = [0, 0]
        self.set_aside: set[tuple[int, int]] = set()

    async def play(self, steps: list[Step]) -> None:
        self.spool: Spool = await open_spool(self.folder, LIMITS)
        new = NewRecording(
            self.recording_id,
            RecordingKind.LIVE,
            "w",
            sport_pb2.SPORT_RUNNING,
            sport_pb2.SUB_SPORT_UNSPECIFIED,
            0,
        )
        await self.spool.begin(
            new, [recording_pb2.Source(source_id=name, channels=CHANNELS) for name in SOURCES]
        )
        self.feed: SpoolFeed = await self.spool.feed(self.recording_id)
        try:
            for step in steps:
                await self.step(step)
            await self.finish()
        finally:
            await self.spool.close()

    async def step(self, step: Step) -> None:
        match step:
            case Append(source, samples):
                await self.spool.append(self.recording_id, SOURCES[source], _batch(samples))
                self.model[source] += samples
            case Read(source, back, most):
                await self.read(source, max(self.acknowledged[source], len(self.model[source]) - back), most)
            case Acknowledge(source, part):
                ahead = len(self.model[source]) - self.acknowledged[source]
                self.acknowledged[source] += int(ahead * part)
                await self.feed.acknowledged(source, self.acknowledged[source])
            case SetAside(source, back, count):
                await self.refuse(
                    source, max(self.acknowledged[source], len(self.model[source]) - back), count
                )
            case Restart():
                await self.spool.close()
                self.spool = await open_spool(self.folder, LIMITS)
                self.feed = await self.spool.feed(self.recording_id)

    async def read(self, source: int, sequence: int, most: int) -> int:
        batch = await self.feed.next_batch(source, sequence, most)
        expected = self.model[source][sequence : sequence + most]
        if not expected:
            assert batch is None
            return 0
        assert batch is not None
        assert (batch.source, batch.first_sequence) == (source, sequence)
        values = decode_batch(batch)
        count = len(values)
        columns = [values.columns.get(channel, [None] * count) for channel in CHANNELS]
        assert list(zip(values.times_ms, zip(*columns, strict=True), strict=True)) == expected[:count]
        assert 1 <= count <= most
        return count

    async def refuse(self, source: int, sequence: int, count: int) -> None:
        count = min(count, len(self.model[source]) - sequence)
        if count < 1:
            return
        rejection = ingest_service_pb2.Rejection(source=source, first_sequence=sequence, samples=count)
        await self.feed.set_aside(rejection)
        await self.feed.set_aside(rejection)
        self.set_aside.add((source, sequence))

    async def finish(self) -> None:
        await self.spool.finish(self.recording_id, recording_pb2.RecordingDetails(title="end"))
        finish = await self.feed.finish()
        assert finish is not None
        assert list(finish.sample_counts) == [len(samples) for samples in self.model]
        for source in range(2):
            sequence = self.acknowledged[source]
            while read := await self.read(source, sequence, 7):
                sequence += read
            assert sequence == len(self.model[source])
        assert len((await self.spool.status()).set_aside) == len(self.set_aside)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_steps)
def test_the_feed_gives_exactly_what_was_appended_from_wherever_it_is_asked(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_Run(Path(folder)).play(steps))


@settings(max_examples=200, deadline=None)
@given(st.lists(_samples(), min_size=1, max_size=6), st.data())
def test_joining_batches_at_any_cut_gives_the_samples_in_between(
    parts: list[list[Sample]], data: st.DataObject
) -> None:
    whole = [sample for part in parts for sample in part]
    payloads, first = [], 0
    for part in parts:
        batch = _batch(part)
        batch.first_sequence = first
        payloads.append(batch.SerializeToString())
        first += len(part)
    start = data.draw(st.integers(0, len(whole)))
    most = data.draw(st.integers(1, len(whole) + 3))
    result = joined(payloads, 3, start, most)
    expected = whole[start : start + most]
    if not expected:
        assert result is None
        return
    assert result is not None
    values = decode_batch(result)
    steps = [abs(later[0] - earlier[0]) for earlier, later in pairwise(expected)]
    if all(step < 2**31 for step in steps):
        assert len(values) == len(expected)
    expected = expected[: len(values)]
    columns = [values.columns.get(channel, [None] * len(values)) for channel in CHANNELS]
    assert list(zip(values.times_ms, zip(*columns, strict=True), strict=True)) == expected
    assert (result.source, result.first_sequence) == (3, start)
