"""Written and read again, an activity is the same; cut anywhere, it keeps everything before the cut."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.activity import Activity, DeviceIdentity, SampleTable, SessionPart
from ingest_edge.files.decoder import Decoder, UnreadableFile
from ingest_edge.files.fit_encoder import FileLayout, write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.native_decoder import NativeDecoder

_DECODERS: list[Decoder] = [NativeDecoder(), FitparseDecoder()]
_chosen: list[Decoder] = []


@pytest.fixture(autouse=True, scope="module", params=_DECODERS, ids=lambda decoder: decoder.name)
def _every_decoder(request: pytest.FixtureRequest) -> None:
    """All tests of this file hold for both decoders."""
    _chosen[:] = [request.param]


def chosen() -> Decoder:
    return _chosen[0]


T0_MS = 1_750_000_000_000

RANGES: dict[str, tuple[int, int, int]] = {
    "latitude": (-(2**30), 2**30, 1),
    "longitude": (-(2**31), 2**31 - 2, 1),
    "altitude": (-5000, 90_000, 2),
    "distance": (0, 2**31 - 2, 1),
    "speed": (0, 65_534, 1),
    "heart_rate": (0, 254, 1),
    "cadence": (0, 2549, 1),
    "power": (0, 65_534, 1),
    "grade": (-32_000, 32_000, 1),
    "temperature": (-1270, 1260, 10),
    "left_power": (0, 200, 2),
    "stride_length": (0, 13_000, 1),
    "respiration_rate": (0, 65_534, 1),
    "core_temperature": (0, 65_534, 1),
    "work": (0, 40_000_000, 1),
    # FIT has no field for these: they are developer fields.
    "torque": (-(2**31), 2**31 - 1, 1),
    "wheel_revolutions": (0, 2**31 - 1, 1),
    "crank_revolutions": (0, 2**31 - 1, 1),
    "battery": (0, 100, 1),
    "strokes": (0, 2**31 - 1, 1),
}
"""Lowest and highest channel integer that FIT can hold, and the step it can tell."""

layouts = st.builds(
    FileLayout,
    endian=st.sampled_from("<>"),
    header_size=st.sampled_from([12, 14]),
    record_local=st.integers(0, 3),
    plain_fields=st.booleans(),
    compressed_timestamps=st.booleans(),
    redefine_every=st.one_of(st.none(), st.integers(1, 20)),
    flip_endian=st.booleans(),
    header_checksum=st.sampled_from(["good", "zero"]),
)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(1, 60))
    gaps = generator.choice([0, 1, 1, 1, 7, 31, 32, 33, 500], size)
    columns, validity = {}, {}
    for channel in draw(st.sets(st.sampled_from(sorted(RANGES)), min_size=1)):
        lowest, highest, step = RANGES[channel]
        valid = generator.random(size) < draw(st.sampled_from([0.3, 1.0]))
        if channel == "altitude":
            highest = min(highest, 60_000)
        values = generator.integers(lowest // step, highest // step + 1, size) * step
        if valid.any():
            columns[channel] = np.where(valid, values, 0).astype(np.int32)
            validity[channel] = None if valid.all() else valid
    times = T0_MS + np.cumsum(gaps).astype(np.int64) * 1000
    end_ms = int(times[-1])
    session = SessionPart(
        "SPORT_CYCLING", "SUB_SPORT_GRAVEL", T0_MS, end_ms, (end_ms - T0_MS) / 1000, (end_ms - T0_MS) / 1000
    )
    return Activity(
        "activity",
        DeviceIdentity("development", "product_1", 77, "A head unit"),
        T0_MS,
        (session,),
        (),
        (),
        (),
        (SampleTable("record", times, columns, validity),),
        (),
    )


def as_lists(table: SampleTable | None) -> dict[str, Any]:
    assert table is not None
    listed: dict[str, Any] = {"time": table.time_ms.tolist()}
    for channel, column in table.columns.items():
        valid = table.validity[channel]
        listed[channel] = (column.tolist(), None if valid is None else valid.tolist())
    return listed


@settings(max_examples=80, deadline=None)
@given(activities(), layouts)
def test_what_is_written_is_read_back(activity: Activity, layout: FileLayout) -> None:
    read = chosen().decode(write_activity(activity, layout))
    assert as_lists(read.table("record")) == as_lists(activity.table("record"))
    assert replace(read, tables=()) == replace(activity, tables=())


@settings(max_examples=8, deadline=None)
@given(activities(), layouts)
def test_a_file_cut_at_any_byte_keeps_its_prefix_and_says_so(activity: Activity, layout: FileLayout) -> None:
    content = write_activity(activity, layout)
    whole = as_lists(chosen().decode(content).table("record"))["time"]
    kept = 0
    for size in cuts(len(content)):
        try:
            part = chosen().decode(content[:size])
        except UnreadableFile:
            assert kept == 0
            continue
        assert part.losses
        times = as_lists(part.table("record"))["time"]
        assert times == whole[: len(times)]
        assert len(times) >= kept
        kept = len(times)
    assert kept == len(whole)


def cuts(size: int) -> Iterable[int]:
    """Some, and the last dozen. The columnar decoder has a test of its own that cuts at every byte."""
    some = 400 if isinstance(chosen(), NativeDecoder) else 40
    return sorted({*range(0, size, 1 + size // some), *range(max(size - 12, 0), size)})


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_raise_nothing_but_typed_errors(seed: int) -> None:
    dice = random.Random(seed)
    table = SampleTable(
        "record",
        T0_MS + np.arange(200, dtype=np.int64) * 1000,
        {"heart_rate": np.arange(200, dtype=np.int32), "power": np.arange(200, dtype=np.int32)},
        {"heart_rate": None, "power": None},
    )
    session = SessionPart("SPORT_RUNNING", "SUB_SPORT_TRAIL", T0_MS, T0_MS + 199_000, 199.0, 199.0)
    activity = Activity("activity", DeviceIdentity(name="x"), T0_MS, (session,), (), (), (), (table,), ())
    content = bytearray(write_activity(activity))
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 12)):
            # Definitions are near the beginning, where damage does most.
            place = dice.randrange(len(damaged) if dice.random() < 0.5 else 250)
            damaged[place] = dice.randrange(256)
        try:
            read = chosen().decode(bytes(damaged))
        except UnreadableFile:
            continue
        for part in read.tables:
            assert np.all(np.diff(part.time_ms) >= 0)
