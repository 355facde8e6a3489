"""Drafts for the tests of corrections, made by hand or by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import recording_pb2, revision_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.revisions.draft import Draft

START_MS = 1_750_000_000_000
HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
POWER = int(channel_pb2.CHANNEL_POWER)
SPEED = int(channel_pb2.CHANNEL_SPEED)
DISTANCE = int(channel_pb2.CHANNEL_DISTANCE)
ALTITUDE = int(channel_pb2.CHANNEL_ALTITUDE)
MARKER = int(channel_pb2.CHANNEL_MARKER)
LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)
PAUSE, RESUME = int(channel_pb2.MARKER_KIND_PAUSE), int(channel_pb2.MARKER_KIND_RESUME)


def column(values: Sequence[int | None]) -> SampleColumn:
    present = np.array([value is not None for value in values], np.bool_)
    told = np.array([value or 0 for value in values], np.int32)
    return SampleColumn(told, None if present.all() else present)


def draft(
    columns: Mapping[int, Sequence[int | None]],
    *,
    start_ms: int = START_MS,
    details: recording_pb2.RecordingDetails | None = None,
) -> Draft:
    """One source, a sample a second."""
    count = len(next(iter(columns.values())))
    times = start_ms + np.arange(count, dtype=np.int64) * 1000
    samples = SampleColumns(times, {channel: column(values) for channel, values in columns.items()})
    return Draft({"watch": samples}, details or recording_pb2.RecordingDetails())


def values_of(one: Draft, channel: int, source_id: str = "watch") -> list[int | None]:
    told = one.sources[source_id].columns[channel]
    return [int(value) if there else None for value, there in zip(told.values, told.mask(), strict=True)]


def same(first: Draft, second: Draft) -> bool:
    """Equal samples, source by source; a column without values is as good as none."""
    if first.sources.keys() != second.sources.keys():
        return False
    return all(_equal(first.sources[each], second.sources[each]) for each in first.sources)


def _equal(first: SampleColumns, second: SampleColumns) -> bool:
    first, second = first.without_absent(), second.without_absent()
    if not np.array_equal(first.times_ms, second.times_ms) or first.columns.keys() != second.columns.keys():
        return False
    return all(
        np.array_equal(first.columns[each].values, second.columns[each].values)
        and np.array_equal(first.columns[each].mask(), second.columns[each].mask())
        for each in first.columns
    )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Two sources with gaps, absent values, pauses, a counter that may begin again."""
    sources = {}
    for source_id in ("watch", "strap"):
        count = draw(st.integers(2, 120))
        random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        steps = random.choice([1000, 1000, 1000, 0, 15_000], count)
        times = START_MS + np.cumsum(steps).astype(np.int64)
        present = random.random(count) > 0.3
        columns = {
            HEART_RATE: SampleColumn(
                np.where(present, random.integers(0, 220, count), 0).astype(np.int32), present
            )
        }
        if source_id == "watch":
            counter = np.cumsum(random.integers(0, 900, count))
            begins = int(random.integers(0, count))
            counter[begins:] -= counter[begins] if random.random() < 0.4 else 0
            columns[DISTANCE] = SampleColumn(counter.astype(np.int32))
            kinds = np.where(random.random(count) < 0.1, random.choice([PAUSE, RESUME], count), 0)
            columns[MARKER] = SampleColumn(kinds.astype(np.int32), kinds > 0)
            columns[POWER] = SampleColumn(random.integers(0, 2500, count).astype(np.int32))
            columns[ALTITUDE] = SampleColumn(random.integers(-100, 9000, count).astype(np.int32))
        sources[source_id] = SampleColumns(times, columns)
    return Draft(sources, recording_pb2.RecordingDetails())


moments = st.integers(START_MS - 5_000, START_MS + 600_000)
channels = st.sampled_from([HEART_RATE, POWER, DISTANCE, ALTITUDE])

operations = st.one_of(
    st.builds(
        lambda a, b: revision_pb2.Operation(
            crop=revision_pb2.Crop(start_time_ms=min(a, b), end_time_ms=max(a, b) + 1)
        ),
        moments,
        moments,
    ),
    st.builds(
        lambda a, b: revision_pb2.Operation(
            cut=revision_pb2.Cut(start_time_ms=min(a, b), end_time_ms=max(a, b) + 1)
        ),
        moments,
        moments,
    ),
    st.builds(
        lambda smoothing_s, level: revision_pb2.Operation(
            correct_elevation=revision_pb2.CorrectElevation(
                remove_outliers=True, smoothing_s=smoothing_s, start_altitude_m=level
            )
        ),
        st.floats(0, 60),
        st.floats(-400, 8000),
    ),
    st.builds(lambda: revision_pb2.Operation(remove_spikes=revision_pb2.RemoveSpikes())),
    st.builds(
        lambda longest_s: revision_pb2.Operation(
            fill_dropouts=revision_pb2.FillDropouts(longest_s=longest_s)
        ),
        st.floats(0, 120),
    ),
    st.builds(
        lambda factor, offset: revision_pb2.Operation(
            scale_channel=revision_pb2.ScaleChannel(channel=POWER, factor=factor, offset=offset)  # type: ignore[arg-type]
        ),
        st.floats(0.01, 100),
        st.floats(-1000, 1000),
    ),
)
