"""From messages to an `Activity`: one link of a FIT file at a time, then the links together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ingest_edge.files.activity import (
    Activity,
    DeviceIdentity,
    LapPart,
    Loss,
    Marker,
    PoolLength,
    SampleTable,
    SessionPart,
)
from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.fit.profile_data import GARMIN_PRODUCT, MANUFACTURER
from ingest_edge.files.fit_clock import FitClock
from ingest_edge.files.fit_heartbeats import Beats, StoredHeartRateBuilder, beat_table
from ingest_edge.files.fit_messages import FitMessage, first_number
from ingest_edge.files.fit_profile import (
    ACTIVITY_FILE_TYPE,
    FILE_KINDS,
    FIRST_ABSOLUTE_TIMESTAMP,
    MessageNumber,
)
from ingest_edge.files.fit_records import RecordSource, concatenated, record_table
from ingest_edge.files.fit_summaries import (
    derived_session,
    device_identity,
    lap_part,
    markers,
    pool_length,
    session_part,
)

WANTED_MESSAGES = frozenset(
    {
        MessageNumber.FILE_ID,
        MessageNumber.SPORT,
        MessageNumber.SESSION,
        MessageNumber.LAP,
        MessageNumber.RECORD,
        MessageNumber.EVENT,
        MessageNumber.DEVICE_INFO,
        MessageNumber.ACTIVITY,
        MessageNumber.HRV,
        MessageNumber.LENGTH,
        MessageNumber.HR,
        MessageNumber.TIMESTAMP_CORRELATION,
    }
)

_Part = TypeVar("_Part", SessionPart, LapPart, PoolLength)

_SERIES = ("record", "rr", "hr")


@dataclass(frozen=True, slots=True)
class LinkParts:
    """What one link holds. `kind` is None where the link does not say what it is."""

    kind: str | None
    device: DeviceIdentity
    sessions: tuple[SessionPart, ...]
    laps: tuple[LapPart, ...]
    lengths: tuple[PoolLength, ...]
    markers: tuple[Marker, ...]
    tables: tuple[SampleTable, ...]
    losses: tuple[Loss, ...]

    @classmethod
    def of_losses(cls, losses: tuple[Loss, ...]) -> LinkParts:
        """Nothing but losses."""
        return cls(None, DeviceIdentity(), (), (), (), (), (), losses)

    @property
    def is_activity(self) -> bool:
        """Devices have been seen to give an activity the wrong type; a session tells it all the same."""
        has_session = any(not session.derived for session in self.sessions)
        return has_session or self.kind in (None, FILE_KINDS[ACTIVITY_FILE_TYPE])

    @property
    def start_ms(self) -> int | None:
        """When the sessions begin; without any, the earliest time that anything in the link has."""
        starts = [session.start_ms for session in self.sessions]
        starts = starts or [lap.start_ms for lap in self.laps]
        starts += [int(table.time_ms[0]) for table in self.tables if not self.sessions]
        return min(starts, default=None)


class LinkAssembly:
    """Makes the parts of one link of its messages, and of its records and heart beats, which come as columns.

    `room` bounds the bytes that the columns of the records may take.
    """

    def __init__(self, records: RecordSource, room: int | None = None) -> None:
        self._clock = FitClock()
        self._records = records
        self._room = room
        self._stored_rates = StoredHeartRateBuilder()
        self._kept: dict[int, list[FitMessage]] = {}

    def add(self, message: FitMessage) -> None:
        """Take one message that is neither a record nor heart beats, in the order of the file."""
        self._clock.learn(message)
        if message.number == MessageNumber.HR:
            self._stored_rates.add(message)
        else:
            self._kept.setdefault(message.number, []).append(message)

    def parts(self, beats: Beats, losses: Iterable[Loss]) -> LinkParts:
        """What the link held; `losses` are those known from reading it, to which others are added."""
        # Numbers beyond all measure become infinite or none, and are left out as such.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._parts(beats, losses)

    def _parts(self, beats: Beats, losses: Iterable[Loss]) -> LinkParts:
        noted = list(losses)
        self._learn_from_records()
        tables = self._tables(beats, noted)
        sessions = self._sessions(tables, noted)
        laps = _in_order(lap_part(message, self._clock) for message in self._of(MessageNumber.LAP))
        lengths = _in_order(pool_length(message, self._clock) for message in self._of(MessageNumber.LENGTH))
        file_id = next(iter(self._of(MessageNumber.FILE_ID)), None)
        infos = self._of(MessageNumber.DEVICE_INFO)
        device = device_identity(file_id, infos, MANUFACTURER, GARMIN_PRODUCT)
        moments = markers(self._of(MessageNumber.EVENT), laps, self._clock)
        if self._clock.guessed:
            noted.append(Loss(None, "the device's clock was not set: the times are a guess"))
        return LinkParts(
            _kind(file_id), device, sessions, laps, lengths, tuple(moments), tables, tuple(noted)
        )

    def _of(self, number: int) -> Sequence[FitMessage]:
        return self._kept.get(number, ())

    def _learn_from_records(self) -> None:
        relative = self._records.seconds < FIRST_ABSOLUTE_TIMESTAMP
        if relative.any():
            first = int(np.argmax(relative))
            self._clock.learn_relative(int(self._records.offsets[first]), int(self._records.seconds[first]))

    def _tables(self, beats: Beats, losses: list[Loss]) -> tuple[SampleTable, ...]:
        tables = (
            record_table(self._records, self._clock, losses, self._room),
            beat_table(beats, self._clock, losses),
            self._stored_rates.build(self._clock),
        )
        return tuple(table for table in tables if table is not None)

    def _sessions(self, tables: Sequence[SampleTable], losses: list[Loss]) -> tuple[SessionPart, ...]:
        sessions = _in_order(
            session_part(message, self._clock) for message in self._of(MessageNumber.SESSION)
        )
        if sessions:
            return sessions
        records = next((table for table in tables if table.series == "record"), None)
        if records is None:
            return ()
        losses.append(Loss(None, "the session summary is missing: derived from the records"))
        sport = next(iter(self._of(MessageNumber.SPORT)), None)
        return (derived_session(sport, records),)


def _worn(table: SampleTable, sessions: Sequence[SessionPart]) -> SampleTable:
    """Of what a strap stored by itself, the part within the sessions: it starts when it is put on."""
    if table.series != "hr" or not sessions or sessions[0].derived:
        return table
    start_ms = min(session.start_ms for session in sessions)
    end_ms = max(session.end_ms for session in sessions)
    rows = slice(*np.searchsorted(table.time_ms, [start_ms, end_ms + 1]).tolist())
    columns = {channel: column[rows] for channel, column in table.columns.items()}
    return SampleTable(table.series, table.time_ms[rows], columns, table.validity)


def merged(links: Sequence[LinkParts]) -> Activity:
    """The links of a file as one activity. Raises `NotAnActivity` or `UnreadableFile` where there is none."""
    activities = [link for link in links if link.is_activity and link.start_ms is not None]
    if not activities:
        raise _why_none(links)
    sessions = _by_start(session for link in activities for session in link.sessions)
    # Links without a session are a strap's memory, which begins when the strap is put on.
    starts = [session.start_ms for session in sessions] or [link.start_ms or 0 for link in activities]
    return Activity(
        file_kind=FILE_KINDS[ACTIVITY_FILE_TYPE],
        device=activities[0].device,
        start_time_ms=min(starts),
        sessions=sessions,
        laps=_by_start(lap for link in activities for lap in link.laps),
        lengths=_by_start(length for link in activities for length in link.lengths),
        markers=tuple(
            sorted(
                (marker for link in activities for marker in link.markers), key=lambda marker: marker.time_ms
            )
        ),
        tables=_merged_tables(activities, sessions),
        losses=tuple(_merged_losses(links)),
    )


def _merged_tables(links: Sequence[LinkParts], sessions: Sequence[SessionPart]) -> tuple[SampleTable, ...]:
    every = [table for link in links for table in link.tables]
    tables = (concatenated(every, series) for series in _SERIES)
    worn = (_worn(table, sessions) for table in tables if table is not None)
    return tuple(table for table in worn if len(table))


def _merged_losses(links: Sequence[LinkParts]) -> Iterable[Loss]:
    for link in links:
        yield from link.losses
        if not link.is_activity:
            yield Loss(None, f"a {link.kind} file is chained to the activity and was left out")


def _why_none(links: Sequence[LinkParts]) -> UnreadableFile:
    other = next((link.kind for link in links if not link.is_activity), None)
    if other is not None:
        return NotAnActivity(other)
    damage = next((loss for link in links for loss in link.losses), None)
    if damage is None:
        return UnreadableFile("an activity file without a single sample or summary")
    return UnreadableFile(f"nothing whole remains: {damage.reason}", damage.offset)


def _kind(file_id: FitMessage | None) -> str | None:
    number = first_number(file_id.values.get(0)) if file_id else None
    return None if number is None else FILE_KINDS.get(int(number), f"type {int(number)}")


def _in_order(parts: Iterable[_Part | None]) -> tuple[_Part, ...]:
    return _by_start(part for part in parts if part is not None)


def _by_start(parts: Iterable[_Part]) -> tuple[_Part, ...]:
    return tuple(sorted(parts, key=lambda part: part.start_ms))
