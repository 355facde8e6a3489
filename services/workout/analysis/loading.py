"""A workout as its analysis needs it: read in one transaction, decoded when first looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout import documents
from services.workout.analysis import numbers
from services.workout.athletes.store import thresholds as threshold_store
from services.workout.codec import SampleColumns, concatenate, decode_chunk
from services.workout.metrics.thresholds import Thresholds
from services.workout.store import workouts as workout_store
from services.workout.store.workouts import StoredSource
from services.workout.streams.merging import LATITUDE, LONGITUDE, ChannelSeries, merge_sources
from services.workout.summary import Lap, Length, Part, Track, WorkoutSummary, build_track, summarise_track
from services.workout.tables import workouts

SEMICIRCLE_DEG = 180 / 2**31


@dataclass(frozen=True, slots=True)
class Positions:
    """Where a workout went.

    Attributes:
        times_ms: int64, shape (n,), strictly growing.
        latitude_deg, longitude_deg: float64, shape (n,).
    """

    times_ms: NDArray[np.int64]
    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]


@dataclass(frozen=True)
class LoadedWorkout:
    """A workout with its samples.

    What is decoded or computed here is done when it is first asked for: ask in a worker thread.

    Attributes:
        row: its row of `workouts`.
        stored: the chunks of each source.
        thresholds: what held on its day, for its sport.
        summarised: whether `summary` is computed anew, or as it is stored.
        without: channels that the person does not allow to be used; they are left out.
    """

    row: Row[Any]
    stored: tuple[StoredSource, ...]
    thresholds: Thresholds
    summarised: bool = False
    without: frozenset[int] = frozenset()

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return str(self.row.user_id)

    @property
    def workout_pk(self) -> int:
        """The key of its row."""
        return int(self.row.workout_pk)

    @property
    def hidden(self) -> bool:
        """It counts for nothing."""
        return bool(getattr(self.row, "hidden", False))

    @cached_property
    def document(self) -> workout_pb2.Workout:
        """What was computed when it was closed or changed."""
        return workout_pb2.Workout.FromString(bytes(self.row.document))

    @cached_property
    def sources(self) -> tuple[SampleColumns, ...]:
        """The samples of each source, sorted by time."""
        whole = (
            concatenate([decode_chunk(payload) for payload in source.payloads]).sorted_by_time()
            for source in self.stored
        )
        if not self.without:
            return tuple(whole)
        return tuple(each.only(frozenset(each.columns) - self.without) for each in whole)

    @cached_property
    def merged(self) -> Mapping[int, ChannelSeries]:
        """One series a channel, by channel number."""
        return merge_sources(self.sources)

    @cached_property
    def track(self) -> Positions | None:
        """Where it went; None without positions."""
        latitude, longitude = self.merged.get(LATITUDE), self.merged.get(LONGITUDE)
        if latitude is None or longitude is None:
            return None
        return Positions(
            latitude.times_ms,
            latitude.values.astype(np.float64) * SEMICIRCLE_DEG,
            longitude.values.astype(np.float64) * SEMICIRCLE_DEG,
        )

    @cached_property
    def sessions(self) -> tuple[Part, ...]:
        """Its sessions. That of a workout of one sport is of the sport which its owner chose."""
        told = documents.parts(
            recording_pb2.RecordingDetails(sessions=[each.part for each in self.document.sessions])
        )
        if len(told) == 1 and self.row.sport != sport_pb2.SPORT_UNSPECIFIED:
            (only,) = told
            if (only.sport, only.sub_sport) != (self.row.sport, self.row.sub_sport):
                return (_of_sport(only, self.row.sport, self.row.sub_sport),)
        return tuple(told)

    @cached_property
    def laps(self) -> tuple[Lap, ...]:
        """Its laps."""
        marks = recording_pb2.RecordingDetails(laps=[lap.mark for lap in self.document.laps])
        return tuple(documents.laps(marks))

    @cached_property
    def lengths(self) -> tuple[Length, ...]:
        """The lengths of a pool swim."""
        return tuple(documents.lengths(recording_pb2.RecordingDetails(lengths=self.document.lengths)))

    @cached_property
    def measured(self) -> Track:
        """Its samples as all numbers are computed from them."""
        return build_track(
            self.sources,
            start_ms=self.row.start_ms,
            sessions=self.sessions,
            laps=self.laps,
            lengths=self.lengths,
        )

    @cached_property
    def computed_summary(self) -> WorkoutSummary:
        """The numbers of its summary, computed anew."""
        return summarise_track(
            self.measured,
            sport=self.row.sport,
            sub_sport=self.row.sub_sport,
            sessions=self.sessions,
            laps=self.laps,
        )

    @cached_property
    def summary(self) -> workout_pb2.Summary:
        """The numbers of its summary, as they are once the analysis is stored."""
        if self.summarised:
            return documents.summary_message(self.computed_summary.whole)
        return self.document.summary


def _of_sport(part: Part, sport: int, sub_sport: int) -> Part:
    return Part(
        sport,
        sub_sport,
        part.start_ms,
        part.end_ms,
        part.pool_length_m,
        part.reported_distance_m,
        part.reported_timer_s,
        part.reported_energy_kcal,
    )


def load(
    conn: Connection, workout_pk: int, *, summarised: bool = False, without: frozenset[int] = frozenset()
) -> LoadedWorkout | None:
    """Store function: the workout of that key, whosever it is; None when there is none any more."""
    row = conn.execute(select(workouts).where(workouts.c.workout_pk == workout_pk)).one_or_none()
    if row is None:
        return None
    stored: Sequence[StoredSource] | None = workout_store.stream(conn, row.user_id, row.workout_id, 0, None)
    held = numbers.thresholds_of(thresholds_on(conn, row))
    return LoadedWorkout(row, tuple(stored or ()), held, summarised, without)


def thresholds_on(conn: Connection, row: Row[Any]) -> Mapping[str, float]:
    """Store function: what held for the workout of this row, by the contract's names."""
    return threshold_store.on_day_of(conn, row.user_id, row.start_ms, row.sport)


def find_key(conn: Connection, user_id: str, workout_id: str) -> int | None:
    """Store function: the key of a person's workout; None when there is none of that id."""
    return conn.execute(
        select(workouts.c.workout_pk).where(
            workouts.c.user_id == user_id, workouts.c.workout_id == workout_id
        )
    ).scalar_one_or_none()
