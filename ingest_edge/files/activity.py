"""What a device file holds once it is decoded, whatever the format and the decoder.

Every decoder yields an `Activity`: plain frozen values and numpy arrays, so that it crosses a process border
cheaply and the importer does not care where it came from. Sample columns are integers on the scales of
`pulsemesh.type.v1.Channel` (value = integer / scale); everything else is in the unit its name ends with.
Times are milliseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

MarkerKind = Literal["lap", "pause", "resume"]
"""The moments of a recording that a file can tell, named as `pulsemesh.type.v1.MarkerKind` names them."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something in the file that could not be kept, or that had to be repaired to be kept.

    `offset` is the byte of the (uncompressed) file at which it was met, or None where no byte is to blame.
    """

    offset: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """The device that wrote the file, as far as the file says."""

    manufacturer: str | None = None
    product: str | None = None
    serial: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SessionPart:
    """One sport of the activity: a plain activity has one part, a triathlon five.

    `sport` and `sub_sport` are value names of `pulsemesh.type.v1.Sport` and `SubSport`. `reported` holds the
    totals as the device reported them, in the unit that each name ends with, for comparison with our own: see
    `ingest_edge.files.fit_profile.SESSION_TOTALS`. `derived` is true where the file held no such summary (it
    was cut off, say) and the part was made from the samples.
    """

    sport: str
    sub_sport: str
    start_ms: int
    end_ms: int
    elapsed_s: float
    timer_s: float
    distance_m: float | None = None
    pool_length_m: float | None = None
    reported: Mapping[str, float] = field(default_factory=dict)
    derived: bool = False


@dataclass(frozen=True, slots=True)
class LapPart:
    """One lap. `trigger` is what ended it (`manual`, `distance`, `session_end`, …) if the file says."""

    start_ms: int
    end_ms: int
    elapsed_s: float
    timer_s: float
    distance_m: float | None = None
    trigger: str | None = None
    reported: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolLength:
    """One length of a pool, swum (`active`) or rested at the wall; `stroke` as FIT names it."""

    start_ms: int
    end_ms: int
    stroke: str | None
    strokes: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment of the recording: a lap begins, the athlete stops the clock, or starts it again."""

    kind: MarkerKind
    time_ms: int


@dataclass(frozen=True)
class SampleTable:
    """Samples that share their times: one row a time, one column a channel.

    `series` tells the tables of a file apart: `record` is the device's main record, `rr` its heart beats,
    `hr` the heart rate that a strap stored by itself and handed over later. `time_ms` (int64, shape (n,))
    never decreases. `columns` are int32 of shape (n,) by channel name; `validity[name]` is None where every
    row has a value, else a bool array of shape (n,): False rows hold 0 and mean "nothing was measured".
    """

    series: str
    time_ms: Int64Array
    columns: Mapping[str, Int32Array]
    validity: Mapping[str, BoolArray | None]

    def __len__(self) -> int:
        return len(self.time_ms)

    def count(self, channel: str) -> int:
        """How many rows hold a value of this channel."""
        if channel not in self.columns:
            return 0
        valid = self.validity[channel]
        return len(self.time_ms) if valid is None else int(np.count_nonzero(valid))


@dataclass(frozen=True)
class Activity:
    """A decoded activity file. Sessions, laps, lengths and markers are in the order of time."""

    file_kind: str
    device: DeviceIdentity
    start_time_ms: int
    sessions: tuple[SessionPart, ...]
    laps: tuple[LapPart, ...]
    lengths: tuple[PoolLength, ...]
    markers: tuple[Marker, ...]
    tables: tuple[SampleTable, ...]
    losses: tuple[Loss, ...]

    def table(self, series: str) -> SampleTable | None:
        """The table of that series, or None where the file has none."""
        return next((table for table in self.tables if table.series == series), None)
