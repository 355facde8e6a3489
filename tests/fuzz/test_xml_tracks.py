"""What is written is read back; runs of points and single points are the same; broken files fool nobody."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.tcx import read_tcx
from tests.fuzz.track_mutations import comparable, run_cases
from tests.unit.ingest_edge.files.gpx.making import T0_MS, gpx, iso
from tests.unit.ingest_edge.files.tcx.making import activities, activity, lap

LONG_RUN = int(os.environ.get("PULSEMESH_TRACK_FUZZ_CASES", "100000"))

SPELLINGS = {
    "altitude": (("ele",), ("AltitudeMeters",)),
    "heart_rate": (("x:hr", "hr", "ns3:HeartRate"), ("HeartRateBpm",)),
    "cadence": (("x:cad", "cadence"), ("Cadence", "ns3:RunCadence")),
    "power": (("power", "pwr:PowerInWatts", "p:watts"), ("ns3:Watts",)),
    "temperature": (("x:atemp", "temp"), ("temperature",)),
    "speed": (("speed", "x:speed"), ("ns3:Speed",)),
    "distance": (("dist", "x:distance"), ("DistanceMeters",)),
}
STEPS = {
    "altitude": 10,
    "heart_rate": 1,
    "cadence": 10,
    "power": 1,
    "temperature": 10,
    "speed": 1000,
    "distance": 100,
}


@st.composite
def layouts(draw: st.DrawFn) -> dict[str, str]:
    """What lies between the elements of a file."""
    gap = draw(st.sampled_from(["", "\n", "\n    ", "\r\n\t", "<!-- x -->", "<?pi?>"]))
    return {"gap": gap, "quote": draw(st.sampled_from("'\"")), "prefix": draw(st.sampled_from(["", "g:"]))}


@st.composite
def tracks(draw: st.DrawFn) -> list[tuple[int, dict[str, int]]]:
    """Points: time in ms since the first, and channel integers."""
    size = draw(st.integers(1, 40))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    names = draw(st.lists(st.sampled_from(sorted(STEPS)), unique=True))
    sparse = draw(st.booleans())
    times = np.cumsum(chance.integers(0, 3000, size)).tolist()
    return [
        (
            time_ms,
            {name: int(chance.integers(0, 30_000)) for name in names if not sparse or chance.random() < 0.7},
        )
        for time_ms in times
    ]


def written(value: int, channel: str) -> str:
    return repr(value / STEPS[channel])


def expected(points: list[tuple[int, dict[str, int]]], channel: str) -> list[int | None]:
    return [fields.get(channel) for _, fields in points]


def found(columns: dict[str, list[int | None]], channel: str, size: int) -> list[int | None]:
    return columns.get(channel, [None] * size)


def columns_of(document: bytes, read: object) -> tuple[list[int], dict[str, list[int | None]]]:
    assert callable(read)
    result = read(document)
    assert comparable(result) == comparable(read(document, with_runs=False))
    assert result.losses == ()
    (table,) = result.tables
    columns = {}
    for name, column in table.columns.items():
        valid = table.validity[name]
        there = [True] * len(table) if valid is None else valid.tolist()
        columns[name] = [
            value if present else None for value, present in zip(column.tolist(), there, strict=True)
        ]
    return table.time_ms.tolist(), columns


@given(tracks(), layouts(), st.integers(0, 2))
@settings(max_examples=80, deadline=None)
def test_a_written_gpx_is_read_back(
    points: list[tuple[int, dict[str, int]]], layout: dict[str, str], spelling: int
) -> None:
    gap, quote, prefix = layout["gap"], layout["quote"], layout["prefix"]
    texts = []
    for index, (time_ms, fields) in enumerate(points):
        tags = {name: SPELLINGS[name][0][spelling % len(SPELLINGS[name][0])] for name in fields}
        inner = gap.join(
            f"<{tags[name]}>{written(value, name)}</{tags[name]}>" for name, value in fields.items()
        )
        texts.append(
            f"<{prefix}trkpt lat={quote}{index / 64}{quote} lon={quote}-{index / 32}{quote}>{gap}"
            f"<{prefix}time>{iso(T0_MS + time_ms)}</{prefix}time>{gap}<extensions>{inner}</extensions>"
            f"</{prefix}trkpt>"
        )
    document = gpx(f"<trk><trkseg>{gap.join(texts)}</trkseg></trk>")
    times, columns = columns_of(document, read_gpx)
    assert times == [T0_MS + time_ms for time_ms, _ in points]
    assert columns["latitude"] == [round(index / 64 * 2**31 / 180) for index in range(len(points))]
    for channel in STEPS:
        assert found(columns, channel, len(points)) == expected(points, channel)


@given(tracks(), layouts(), st.integers(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_written_tcx_is_read_back(
    points: list[tuple[int, dict[str, int]]], layout: dict[str, str], spelling: int
) -> None:
    gap = layout["gap"]
    texts = []
    for time_ms, fields in points:
        inner = ""
        for name, value in fields.items():
            tag = SPELLINGS[name][1][spelling % len(SPELLINGS[name][1])]
            text = written(value, name)
            wrapped = f"<Value>{text}</Value>" if name == "heart_rate" else text
            inner += f"{gap}<{tag}>{wrapped}</{tag}>"
        texts.append(f"<Trackpoint><Time>{iso(T0_MS + time_ms)}</Time>{inner}{gap}</Trackpoint>")
    document = activities(activity(lap(0, 200, f"<Track>{gap.join(texts)}</Track>")))
    times, columns = columns_of(document, read_tcx)
    assert times == [T0_MS + time_ms for time_ms, _ in points]
    for channel in STEPS:
        assert found(columns, channel, len(points)) == expected(points, channel)


def test_mutated_files_are_read_alike_with_and_without_runs_and_never_crash() -> None:
    tally = run_cases(300, seed=1)
    assert set(tally.ends) == {"whole", "in part", "refused"}


@pytest.mark.slow
def test_a_hundred_thousand_mutated_files_neither_crash_nor_hang_nor_fool() -> None:
    tally = run_cases(LONG_RUN, seed=20261123)
    print(
        f"{tally.cases} mutated GPX and TCX files: {dict(tally.ends)}, slowest {tally.slowest_s:.3f} s of CPU"
    )
    assert tally.slowest_s < 1
