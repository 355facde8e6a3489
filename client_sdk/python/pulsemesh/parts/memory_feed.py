"""A feed that keeps its samples in memory until they are acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from pulsemesh import samples
from pulsemesh.workout.v1 import ingest_service_pb2, sample_pb2

__all__ = ["MemoryFeed"]

Sample = tuple[int, dict[int, int]]
"""Time in milliseconds, and wire integers by channel."""


@dataclass(slots=True)
class _Backlog:
    """The samples of one source that are not acknowledged yet."""

    first: int = 0
    """Sequence of the oldest sample kept."""
    kept: deque[Sample] = field(default_factory=deque)

    @property
    def end(self) -> int:
        return self.first + len(self.kept)


class MemoryFeed:
    """Implements `pulsemesh.ingest.feed.Feed` for a recording that lives as long as its process.

    At most `capacity` samples are kept unacknowledged, so a platform that is away makes the
    producer wait for `room` and not the memory grow.
    """

    def __init__(self, sources: int, *, capacity: int = 100_000) -> None:
        self.rejections: list[ingest_service_pb2.Rejection] = []
        self._backlogs = [_Backlog() for _ in range(sources)]
        self._capacity = capacity
        self._finish: ingest_service_pb2.FinishRecording | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Condition()

    @property
    def unacknowledged(self) -> int:
        """Samples that the platform has not committed yet."""
        return sum(len(backlog.kept) for backlog in self._backlogs)

    @property
    def full(self) -> bool:
        """True while so many samples are unacknowledged that no more are taken."""
        return self.unacknowledged >= self._capacity

    def add(self, source: int, time_ms: int, values: dict[int, int]) -> None:
        """Append one sample to a source. Raises `OverflowError` where the feed is full."""
        if self.full:
            raise OverflowError(f"{self._capacity} samples are unacknowledged")
        self._backlogs[source].kept.append((time_ms, values))
        self._news.set()

    async def room(self) -> None:
        """Return when the feed is no longer full."""
        async with self._room:
            await self._room.wait_for(lambda: not self.full)

    async def drained(self) -> None:
        """Return when every sample is acknowledged."""
        async with self._room:
            await self._room.wait_for(lambda: not self.unacknowledged)

    def end(self, details: ingest_service_pb2.FinishRecording) -> None:
        """Say that no sample will be added any more, and how the recording ends."""
        finish = ingest_service_pb2.FinishRecording()
        finish.CopyFrom(details)
        finish.sample_counts[:] = [backlog.end for backlog in self._backlogs]
        self._finish = finish
        self._news.set()

    # -- what a session asks

    async def next_batch(self, source: int, sequence: int, max_samples: int) -> sample_pb2.SampleBatch | None:
        """Return samples that begin at `sequence`; None when there is none yet."""
        backlog = self._backlogs[source]
        start = sequence - backlog.first
        if start < 0:
            raise LookupError(f"samples before {backlog.first} were acknowledged and are no longer kept")
        stop = min(start + max_samples, len(backlog.kept))
        chosen = [backlog.kept[index] for index in range(start, stop)]
        if not chosen:
            self._news.clear()
            return None
        return _batch(source, sequence, chosen)

    async def wait(self) -> None:
        """Return when there may be more samples, or the recording has ended."""
        await self._news.wait()
        self._news.clear()

    async def finish(self) -> ingest_service_pb2.FinishRecording | None:
        """Return how the recording ends, None while it goes on."""
        return self._finish

    async def acknowledged(self, source: int, next_sequence: int) -> None:
        """Forget what the platform has committed."""
        backlog = self._backlogs[source]
        while backlog.kept and backlog.first < next_sequence:
            backlog.kept.popleft()
            backlog.first += 1
        async with self._room:
            self._room.notify_all()

    async def set_aside(self, rejection: ingest_service_pb2.Rejection) -> None:
        """Keep the note of a batch that the platform will never take."""
        self.rejections.append(rejection)


def _batch(source: int, sequence: int, chosen: list[Sample]) -> sample_pb2.SampleBatch:
    channels = sorted({channel for _, values in chosen for channel in values})
    return samples.encode_batch(
        source,
        sequence,
        [time_ms for time_ms, _ in chosen],
        {channel: [values.get(channel) for _, values in chosen] for channel in channels},
    )
