"""Which thresholds hold on a day, and which workouts a change touches."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.athletes.history import History, Told, touched

QUICK = settings(deadline=None, max_examples=30)

POWER, WEIGHT = 1, 9
CYCLING, RUNNING = 2, 1

TOLD = st.lists(
    st.builds(
        Told,
        sport=st.sampled_from((0, CYCLING, RUNNING)),
        field=st.sampled_from((POWER, WEIGHT)),
        from_day=st.integers(0, 10),
        value=st.sampled_from((200.0, 250.0, 300.0)),
    ),
    max_size=12,
    unique_by=lambda told: (told.sport, told.field, told.from_day),
)


def held(told: list[Told], day: int, sport: int, field: int) -> float | None:
    """By looking at everything."""
    for wanted in (sport, 0):
        known = [
            each for each in told if (each.sport, each.field) == (wanted, field) and each.from_day <= day
        ]
        if known:
            return max(known, key=lambda each: each.from_day).value
    return None


@QUICK
@given(told=TOLD, day=st.integers(-1, 12), sport=st.sampled_from((CYCLING, RUNNING, 3)))
def test_the_latest_of_the_sport_holds_else_the_latest_of_all(told: list[Told], day: int, sport: int) -> None:
    on = History(told).on(day, sport)
    for field in (POWER, WEIGHT):
        assert on.get(field) == held(told, day, sport, field)


@QUICK
@given(before=TOLD, after=TOLD)
def test_exactly_the_workouts_whose_values_differ_are_touched(before: list[Told], after: list[Told]) -> None:
    places = [(day, sport) for day in range(-1, 12) for sport in (CYCLING, RUNNING, 3)]
    days = np.array([day for day, _ in places], np.int64)
    sports = np.array([sport for _, sport in places], np.int64)
    found = touched(History(before), History(after), days, days, sports)
    for differs, (day, sport) in zip(found.tolist(), places, strict=True):
        fields = (POWER, WEIGHT)
        assert differs == any(
            held(before, day, sport, field) != held(after, day, sport, field) for field in fields
        )


def test_before_the_first_nothing_is_known() -> None:
    assert not History([Told(0, POWER, 5, 250.0)]).on(4, CYCLING)
