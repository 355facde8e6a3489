"""The numbers as a message: complete, finite, whatever the samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.samples import CHANNELS
from pulsemesh.workout.v1 import analysis_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.metrics import Sex, Thresholds, analyse, metrics_message
from services.workout.summary import Length, Part
from tests.unit.services.workout.metrics.builders import (
    ATHLETE,
    CYCLING,
    FEW,
    RUNNING,
    SWIMMING,
    T0,
    constant,
    metrics,
    source,
)


def floats(message: Message) -> Iterator[float]:
    """Every floating point number of a message."""
    for field, value in message.ListFields():
        told = value if field.is_repeated else [value]
        for one in told:
            if isinstance(one, Message):
                yield from floats(one)
            elif isinstance(one, float):
                yield one


def test_a_ride_is_told_whole() -> None:
    rng = np.random.default_rng(9)
    seconds = np.arange(3600)
    ride = source(
        seconds,
        power=np.clip(rng.normal(220, 60, 3600), 0, None),
        heart_rate=rng.normal(150, 5, 3600),
        cadence=np.full(3600, 88),
        speed=np.full(3600, 9),
        distance=seconds * 9.0,
        altitude=300 + 100 * np.sin(seconds / 400),
        left_power=np.full(3600, 49),
        respiration_rate=np.full(3600, 30),
    )
    beats = np.cumsum(rng.normal(0.4, 0.01, 8000))
    made = metrics_message(metrics(ride, source(beats, rr_interval=np.diff(beats, prepend=0))))
    assert made.load.training_stress_score > 0
    assert made.load.left_power_percent == pytest.approx(49)
    assert {curve.channel for curve in made.curves} == {5, 6, 8}
    assert all(len(curve.durations_s) == len(curve.values) == len(curve.starts_s) for curve in made.curves)
    assert len(made.quadrants.shares) == 4
    assert sum(made.quadrants.shares) == pytest.approx(1)
    assert made.heart_rate_variability.dfa_alpha1_series
    assert made.w_prime_balance.balance_j
    assert made.body[0].average == pytest.approx(30)
    assert {each.kind for each in made.intervals} >= {analysis_pb2.DetectedInterval.KIND_AUTO_LAP}
    assert not made.sessions
    assert all(math.isfinite(value) for value in floats(made))


def test_zones_tell_their_bounds() -> None:
    made = metrics_message(metrics(constant(60, power=200)))
    coggan = next(times for times in made.zones if times.model == "power/coggan")
    assert [getattr(zone, "from") for zone in coggan.zones] == pytest.approx(
        [0, 140, 190, 227.5, 265, 302.5, 377.5]
    )
    assert coggan.zones[0].below == pytest.approx(140)
    assert not coggan.zones[-1].HasField("below")
    assert [zone.seconds for zone in coggan.zones] == [0, 0, 60, 0, 0, 0, 0]


def test_what_is_not_known_is_absent() -> None:
    made = metrics_message(metrics(constant(60, speed=3), thresholds=Thresholds(), sport=RUNNING))
    assert not made.load.HasField("training_stress_score")
    assert not made.thresholds.HasField("functional_threshold_power_w")
    assert not made.HasField("w_prime_balance")
    assert not made.HasField("quadrants")
    assert not made.HasField("swim")


def test_starts_count_from_the_beginning_of_the_workout() -> None:
    watts = np.zeros(300)
    watts[100:160] = 400
    late = source(np.arange(300) + 50, power=watts)
    early = source([0], heart_rate=[100])
    made = metrics_message(metrics(early, late))
    curve = next(curve for curve in made.curves if curve.channel == 8)
    assert curve.starts_s[list(curve.durations_s).index(60)] == 150


def test_a_triathlons_sessions_are_told() -> None:
    parts = [Part(SWIMMING, 0, T0, T0 + 60_000), Part(CYCLING, 0, T0 + 60_000, T0 + 120_000)]
    made = metrics_message(metrics(constant(121, speed=2, heart_rate=140), sessions=parts))
    assert [session.sport for session in made.sessions] == [SWIMMING, CYCLING]
    assert made.sessions[1].curves[0].starts_s[0] >= 60
    assert {effort.kind for effort in made.best_efforts} >= {"distance/50", "distance/100"}


def test_a_swim_is_told_by_stroke() -> None:
    lengths = [
        Length(T0 + 30_000 * each, T0 + 30_000 * (each + 1), True, 15, 1 + each % 2) for each in range(4)
    ]
    part = Part(SWIMMING, 0, T0, T0 + 120_000, pool_length_m=25)
    made = metrics_message(metrics(constant(121, heart_rate=140), sessions=[part], lengths=lengths))
    assert made.swim.lengths == 4
    assert made.swim.swolf == 45
    assert [(each.stroke, each.lengths) for each in made.swim.by_stroke] == [(1, 2), (2, 2)]


@st.composite
def any_source(draw: st.DrawFn) -> SampleColumns:
    """Samples of any channels, times and values that the wire can carry."""
    count = draw(st.integers(0, 80))
    spread = draw(st.sampled_from([50, 2_000, 90_000, 10**8, 10**12]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    times = T0 + rng.integers(0, spread, count)
    if draw(st.booleans()):
        times = np.sort(times)
    columns = {}
    for channel in draw(st.sets(st.integers(1, 34), max_size=8)):
        limit = draw(st.sampled_from([2, 200, 20_000, 2**31]))
        values = rng.integers(-limit, limit, count)
        present = rng.random(count) < draw(st.sampled_from([0.1, 0.9, 1.0]))
        columns[channel] = SampleColumn(values.astype(np.int32), present)
    return SampleColumns(times.astype(np.int64), columns)


@st.composite
def any_stretch(draw: st.DrawFn) -> tuple[int, int]:
    start = T0 + draw(st.integers(-(10**6), 10**6))
    return start, start + draw(st.integers(-1000, 10**6))


MAYBE = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32))
ANYBODY = st.one_of(
    st.just(ATHLETE),
    st.builds(
        Thresholds,
        functional_threshold_power_w=MAYBE,
        critical_power_w=MAYBE,
        w_prime_j=MAYBE,
        lactate_threshold_heart_rate_bpm=MAYBE,
        max_heart_rate_bpm=MAYBE,
        resting_heart_rate_bpm=MAYBE,
        threshold_speed_mps=MAYBE,
        threshold_swim_speed_mps=MAYBE,
        sex=st.sampled_from([None, Sex.FEMALE, Sex.MALE]),
    ),
)


@FEW
@given(
    st.lists(any_source(), max_size=3),
    st.integers(0, 22),
    st.lists(st.tuples(st.integers(0, 22), any_stretch(), st.sampled_from([0.0, 25.0])), max_size=3),
    st.lists(st.tuples(any_stretch(), st.booleans(), st.integers(0, 10_000), st.integers(0, 6)), max_size=5),
    ANYBODY,
)
def test_no_samples_whatever_break_the_numbers(
    sources: list[SampleColumns],
    sport: int,
    parts: list[tuple[int, tuple[int, int], float]],
    lengths: list[tuple[tuple[int, int], bool, int, int]],
    thresholds: Thresholds,
) -> None:
    made = analyse(
        sources,
        sport=sport,
        sub_sport=0,
        thresholds=thresholds,
        start_ms=T0,
        sessions=[Part(kind, 0, *stretch, pool_length_m=pool) for kind, stretch, pool in parts],
        lengths=[Length(*stretch, active, strokes, stroke) for stretch, active, strokes, stroke in lengths],
    )
    message = metrics_message(made)
    assert all(math.isfinite(value) for value in floats(message))
    for curve in message.curves:
        assert all(before >= after for before, after in zip(curve.values, curve.values[1:], strict=False))
    assert analysis_pb2.Analysis.FromString(message.SerializeToString()) == message


def test_every_channel_alone_does() -> None:
    for channel in CHANNELS:
        values = SampleColumn(np.arange(100, dtype=np.int32))
        told = SampleColumns(T0 + np.arange(100, dtype=np.int64) * 1000, {channel: values})
        assert all(math.isfinite(value) for value in floats(metrics_message(metrics(told))))
