"""Two worlds that differ only in what is hidden answer byte for byte the same: the pure half."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulsemesh.profile.v1 import privacy_pb2 as p
from services.chassis.privacy import Relation, decide
from services.workout.reading import cut_into_segments
from services.workout.shared.computing import shared_analysis, shared_workout
from services.workout.shared.seen import seen_by
from services.workout.streams import align
from tests.fixtures import worlds as w

SIZES = st.lists(st.integers(2, 40), min_size=1, max_size=3)
PAIRS = SIZES.flatmap(lambda sizes: st.tuples(w.worlds(sizes), w.worlds(sizes)))
THOROUGH = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(PAIRS, w.settings(), w.RELATIONS)
@THOROUGH
def test_no_answer_tells_two_worlds_apart_that_differ_in_what_is_hidden(
    pair: tuple[w.World, w.World], chosen: p.PrivacySettings, relation: Relation
) -> None:
    view = decide(chosen, relation)
    world, other = pair
    mine, theirs = w.loaded(world), w.loaded(w.disguised(world, view, other))
    assert shared_workout(view, mine, "x") == shared_workout(view, theirs, "x")
    assert shared_analysis(view, mine, "x").SerializeToString(deterministic=True) == shared_analysis(
        view, theirs, "x"
    ).SerializeToString(deterministic=True)
    streams = [list(cut_into_segments(align(seen_by(view, each).sources), "")) for each in (mine, theirs)]
    assert streams[0] == streams[1]
