"""What the spool keeps, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2


class SpoolState(StrEnum):
    """Where a recording stands in the spool."""

    RECORDING = "recording"
    """Samples are still added; they are uploaded meanwhile."""
    FINISHED = "finished"
    """Complete here; nothing of it was uploaded since."""
    UPLOADING = "uploading"
    """Complete here; the platform is getting it."""
    CLOSED = "closed"
    """The platform has all of it; its samples are gone from the spool."""
    FAILED = "failed"
    """The platform refused it for good; everything that it did not take is kept."""


WAITING_STATES = (SpoolState.RECORDING, SpoolState.FINISHED, SpoolState.UPLOADING)
"""States in which the platform still lacks something."""


class RecordingKind(StrEnum):
    """Where a recording comes from."""

    LIVE = "live"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much disk the spool may take.

    Attributes:
        max_bytes: bound of the database. Near it (see `reserve_bytes`) samples are refused.
        min_free_bytes: what must stay free on the disk; below it samples are refused.
        new_recording_share: share of what samples may take, from which no new recording is begun, so that
            those that run can be completed.
    """

    max_bytes: int = 2 * 1024**3
    min_free_bytes: int = 256 * 1024**2
    new_recording_share: float = 0.9

    @property
    def reserve_bytes(self) -> int:
        """Kept for what must always be possible: finishing, noting acknowledgements, deleting."""
        return max(self.max_bytes // 50, 256 * 1024)


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording to begin."""

    recording_id: str
    kind: RecordingKind
    writer_id: str
    sport: sport_pb2.Sport.ValueType
    sub_sport: sport_pb2.SubSport.ValueType
    start_time_ms: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class SpooledSource:
    """One source of a recording; `index` is its place in `OpenRecording.sources`, for ever.

    Attributes:
        next_sequence: samples taken so far.
        acknowledged: of those, committed by the platform and deleted here.
        rejected: of those, set aside because the platform refused them.
        lost: samples that could never be stored because there was no room; they have no sequence.
    """

    index: int
    description: recording_pb2.Source
    next_sequence: int
    acknowledged: int
    rejected: int
    lost: int

    @property
    def source_id(self) -> str:
        """The source's name within the recording."""
        return self.description.source_id


@dataclass(frozen=True, slots=True)
class SpooledRecording:
    """A recording in the spool. `offered` says that the platform was ever sent a sample of it."""

    recording_id: str
    kind: RecordingKind
    writer_id: str
    sport: sport_pb2.Sport.ValueType
    sub_sport: sport_pb2.SubSport.ValueType
    start_time_ms: int
    title: str
    state: SpoolState
    offered: bool
    workout_id: str
    failure: str
    created_ms: int
    updated_ms: int
    sources: tuple[SpooledSource, ...]

    @property
    def samples(self) -> int:
        """Samples taken, over all sources."""
        return sum(source.next_sequence for source in self.sources)

    @property
    def waiting_samples(self) -> int:
        """Samples that the platform has not committed yet."""
        return sum(source.next_sequence - source.acknowledged for source in self.sources)


@dataclass(frozen=True, slots=True)
class WaitingRecording:
    """A recording that the platform lacks something of, in short."""

    recording_id: str
    state: SpoolState
    samples: int


@dataclass(frozen=True, slots=True)
class Original:
    """A file to be uploaded as it is, beside the recording that was read from it.

    Attributes:
        path: of the file, or of the archive that it lies in.
        members: where it is in that archive (`Location.members_text`); empty for a file on the disk.
    """

    path: str
    name: str
    sha256: str
    size_bytes: int
    recording_id: str
    members: str = ""


@dataclass(frozen=True, slots=True)
class SpooledOriginal:
    """An original in the queue. `state` is `waiting`, or `failed` with the reason in `failure`."""

    original: Original
    state: str
    failure: str


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A device file and what became of it, as long as its size and time of change stay as they are."""

    path: str
    size_bytes: int
    modified_ns: int
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Samples that the platform refused, kept for a person."""

    recording_id: str
    source_id: str
    first_sequence: int
    samples: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """What waits, and how much room there is.

    Attributes:
        used_bytes: taken by the database's live pages.
        refused_files: files that could not be imported; they lie where they were.
        damaged_files: earlier spools that were found damaged and moved aside.
    """

    path: str
    used_bytes: int
    limits: SpoolLimits
    free_disk_bytes: int
    accepts_new_recordings: bool
    accepts_samples: bool
    waiting: Sequence[SpooledRecording] = field(default_factory=tuple)
    failed: Sequence[SpooledRecording] = field(default_factory=tuple)
    closed: int = 0
    originals_waiting: Sequence[SpooledOriginal] = field(default_factory=tuple)
    originals_failed: Sequence[SpooledOriginal] = field(default_factory=tuple)
    set_aside: Sequence[SetAside] = field(default_factory=tuple)
    refused_files: Sequence[SeenFile] = field(default_factory=tuple)
    damaged_files: Sequence[str] = field(default_factory=tuple)

    @property
    def waiting_samples(self) -> int:
        """Samples of all recordings that the platform still lacks."""
        return sum(recording.waiting_samples for recording in self.waiting)
