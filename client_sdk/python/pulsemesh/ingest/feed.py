"""Where an ingest session takes its samples from, and what it tells the source of them."""

from __future__ import annotations

from typing import Protocol

from pulsemesh.workout.v1 import ingest_service_pb2, sample_pb2


class Feed(Protocol):
    """The samples of one writer of one recording, addressable by sequence.

    A session asks for samples from whatever sequence the server expects, so a
    feed must be able to give any sample again until it is told that the sample
    is acknowledged. Sources are named by their index in `OpenRecording.sources`.
    Nothing here may block the event loop for long.
    """

    async def next_batch(self, source: int, sequence: int, max_samples: int) -> sample_pb2.SampleBatch | None:
        """Return samples of `source` that begin exactly at `sequence`, at most `max_samples`.

        None when there is none yet.
        """

    async def wait(self) -> None:
        """Return when there may be more than the last time `next_batch` gave None.

        Also returns when the feed was finished meanwhile.
        """

    async def finish(self) -> ingest_service_pb2.FinishRecording | None:
        """Return how the recording ends once no sample will be added any more, None before."""

    async def acknowledged(self, source: int, next_sequence: int) -> None:
        """Take note that the server has committed every sample of `source` below `next_sequence`."""

    async def set_aside(self, rejection: ingest_service_pb2.Rejection) -> None:
        """Keep the samples of a rejected batch where a person finds them; they will be passed over."""
