"""Each defence, taken out, is noticed: two worlds that look alike no longer do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st

from pulsemesh.profile.v1 import privacy_pb2 as p
from services.chassis.privacy import DEFAULTS, STRANGER, View, decide
from services.chassis.privacy.tracks import Stretches
from services.workout.shared import computing, seen
from services.workout.shared.computing import shared_analysis, shared_workout
from services.workout.streams import align
from tests.fixtures import worlds as w

SEARCH = settings(
    max_examples=300, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)
BOTH = st.lists(st.integers(4, 20), min_size=1, max_size=2).flatmap(
    lambda sizes: st.tuples(w.worlds(sizes), w.worlds(sizes))
)
WITH_CIRCLE = decide(
    p.PrivacySettings(
        rules=[p.AspectRule(aspect=each, audience=p.AUDIENCE_EVERYONE) for each in DEFAULTS],
        circles=[p.HiddenCircle(latitude_deg=52.5, longitude_deg=13.4, radius_m=400)],
    ),
    STRANGER,
)


def without(*aspects: p.Aspect.ValueType) -> View:
    return View(frozenset(DEFAULTS) - set(aspects))


def all_that_is_told(view: View, world: w.World) -> tuple[bytes, bytes, list[int], list[str]]:
    workout = w.loaded(world)
    stream = align(seen.seen_by(view, workout).sources)
    return (
        shared_workout(view, workout, "x").SerializeToString(deterministic=True),
        shared_analysis(view, workout, "x").SerializeToString(deterministic=True),
        stream.times_ms.tolist(),
        [str((channel, column.values.tolist())) for channel, column in sorted(stream.columns.items())],
    )


def tells_apart(view: View) -> Callable[[tuple[w.World, w.World]], bool]:
    def differs(pair: tuple[w.World, w.World]) -> bool:
        world, other = pair
        theirs = w.disguised(world, view, other)
        return all_that_is_told(view, world) != all_that_is_told(view, theirs)

    return differs


def _as_it_was(self: Stretches, times_ms: Any) -> Any:
    return times_ms


def _as_counted(view: View, part: Any, span: tuple[int, int], *, counted: bool) -> Any:
    return replace(part, start_ms=span[0], end_ms=span[1])


DEFENCES: dict[str, tuple[Any, str, Any, View]] = {
    "hidden time takes no time": (Stretches, "moved", _as_it_was, WITH_CIRCLE),
    "counters stand still": (seen, "joined_counter", lambda values, _: values, WITH_CIRCLE),
    "a device's own totals are dropped": (seen, "_part", _as_counted, WITH_CIRCLE),
    "hidden channels are dropped": (
        seen,
        "show_channels",
        lambda view, channels, needs: frozenset(channels),
        without(p.ASPECT_HEART_RATE, p.ASPECT_MEDICAL),
    ),
    "markers of sensors are dropped": (seen, "_markers", lambda view, column: column, without()),
    "hidden thresholds are not measured against": (
        computing,
        "seen_thresholds",
        lambda view, held: held,
        without(p.ASPECT_PHYSIOLOGY),
    ),
    "a hidden start is midnight": (seen, "_from_midnight", lambda each: each, without(p.ASPECT_START_TIME)),
    "hidden fields are cleared": (
        computing,
        "show_fields",
        lambda view, message, shape: None,
        without(p.ASPECT_NOTES, p.ASPECT_GEAR),
    ),
}


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_that_is_taken_out_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, what, instead, view = DEFENCES[name]
    monkeypatch.setattr(where, what, instead)
    assert find(BOTH, tells_apart(view), settings=SEARCH)
