"""A spooled recording as the feed of an ingest session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_edge.spool import recordings_store, samples_store
from ingest_edge.spool.records import SpooledRecording, SpoolState
from ingest_edge.spool.signal import Signal
from pulsemesh.workout.v1 import ingest_service_pb2, recording_pb2, sample_pb2

if TYPE_CHECKING:
    import sqlite3

    from ingest_edge.spool.spool import Spool


class SpoolFeed:
    """Implements `pulsemesh.ingest.feed.Feed` for the sources that the recording had when it was made.

    A source that is added later needs a new session with a new feed; `outdated` says so, and until then
    `finish` stays silent, so that no session can end a recording without it.
    """

    def __init__(self, spool: Spool, recording: SpooledRecording) -> None:
        sources = recording.sources
        self.recording = recording
        """The recording as it was when this feed was made: what a session opens it with."""
        self._spool = spool
        self._recording_id = recording.recording_id
        self._source_count = len(sources)
        self._offered = recording.offered
        self._tails = [source.next_sequence for source in sources]
        self._positions = {source.source_id: source.index for source in sources}
        self._signal = Signal()
        self._seen = -1
        self._acknowledged = [source.acknowledged for source in sources]
        self.outdated = False

    @property
    def progress(self) -> tuple[int, int]:
        """Samples that the platform has committed, and samples there are."""
        return sum(self._acknowledged), sum(self._tails)

    @property
    def offered(self) -> bool:
        """The platform was sent samples of this recording, in this session or in an earlier one."""
        return self._offered

    async def until_outdated(self) -> None:
        """Return once the recording has sources that this feed does not know."""
        seen = -1
        while not self.outdated:
            seen = await self._signal.changed(seen)

    async def next_batch(self, source: int, sequence: int, max_samples: int) -> sample_pb2.SampleBatch | None:
        """Samples of `source` from exactly `sequence` on, small batches joined; None when there is none yet.

        Raises:
            SamplesGone: the platform asks for what it had acknowledged before.
        """
        if sequence >= self._tails[source]:
            return None

        def read(connection: sqlite3.Connection) -> sample_pb2.SampleBatch | None:
            batch = samples_store.read(connection, self._recording_id, source, sequence, max_samples)
            if batch is not None and not self._offered:
                recordings_store.mark_offered(connection, self._recording_id)
            return batch

        batch = await self._spool.run(read)
        self._offered = self._offered or batch is not None
        return batch

    async def wait(self) -> None:
        """Return when there may be more, or when the recording was finished."""
        self._seen = await self._signal.changed(self._seen)

    async def finish(self) -> ingest_service_pb2.FinishRecording | None:
        """How the recording ends, with the exact count of every source; None while it goes on."""
        found = await self._spool.run(self._ending)
        if found is None:
            return None
        details, counts = found
        return ingest_service_pb2.FinishRecording(sample_counts=counts, details=details)

    def _ending(
        self, connection: sqlite3.Connection
    ) -> tuple[recording_pb2.RecordingDetails, list[int]] | None:
        recording = recordings_store.find(connection, self._recording_id)
        state, details = recordings_store.details(connection, self._recording_id)
        if recording is None or details is None or state is SpoolState.RECORDING:
            return None
        if len(recording.sources) != self._source_count:
            return None
        return details, [source.next_sequence for source in recording.sources]

    async def acknowledged(self, source: int, next_sequence: int) -> None:
        """Samples of `source` below `next_sequence` are safe elsewhere; they are deleted soon."""
        self._acknowledged[source] = max(self._acknowledged[source], next_sequence)
        self._spool.note_acknowledged(self._recording_id, source, next_sequence)

    async def set_aside(self, rejection: ingest_service_pb2.Rejection) -> None:
        """Keep the samples of a rejected batch for a person; they are passed over."""
        await self._spool.set_aside(self._recording_id, rejection)

    def grew(self, source_id: str, next_sequence: int) -> None:
        """Called by the spool: samples were stored."""
        position = self._positions.get(source_id)
        if position is not None:
            self._tails[position] = max(self._tails[position], next_sequence)
            self._signal.notify()

    def changed(self, *, outdated: bool = False) -> None:
        """Called by the spool: the recording was finished or got another source."""
        self.outdated = self.outdated or outdated
        self._signal.notify()
