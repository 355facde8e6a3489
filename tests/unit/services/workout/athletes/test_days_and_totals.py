"""Days begin at midnight where the athlete lives; periods are those of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.errors import InvalidField
from services.workout.athletes import days, totals

QUICK = settings(deadline=None, max_examples=30)

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe")
MOMENTS = st.lists(st.integers(0, 4_000_000_000_000), min_size=1, max_size=20)


@QUICK
@given(moments=MOMENTS, zone=st.sampled_from(ZONES))
def test_days_are_those_of_the_calendar_there(moments: list[int], zone: str) -> None:
    found = days.days_of_ms(np.array(moments, np.int64), zone)
    for moment, day in zip(moments, found.tolist(), strict=True):
        there = datetime.fromtimestamp(moment // 1000, UTC).astimezone(ZoneInfo(zone))
        assert days.date_of_day(day) == there.date()


@QUICK
@given(day=st.integers(0, 30_000), zone=st.sampled_from(ZONES))
def test_a_day_begins_with_its_first_moment(day: int, zone: str) -> None:
    begin = days.start_of_day_ms(day, zone)
    assert days.day_of_ms(begin, zone) >= day
    assert days.day_of_ms(begin - 1, zone) < day


@QUICK
@given(day=st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_periods_are_those_of_the_calendar(day: date) -> None:
    number = np.array([days.day_of_date(day)], np.int64)
    assert days.date_of_day(int(totals.week(number)[0])) == day - timedelta(days=day.weekday())
    assert days.date_of_day(int(totals.month(number)[0])) == day.replace(day=1)
    assert days.date_of_day(int(totals.year(number)[0])) == day.replace(month=1, day=1)


@QUICK
@given(day=st.integers(-10_000, 60_000))
def test_a_day_written_is_the_day_read(day: int) -> None:
    assert days.day_of_text(days.text_of_day(day), "day") == day


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "2026-1-1", "0000-00-00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        days.day_of_text(text, "day")


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "/etc/passwd", "\0", "Europe"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidField):
        days.require_zone(name, "time_zone")


WORKOUTS = st.lists(
    st.tuples(st.integers(19_000, 19_400), st.integers(1, 3), st.floats(0, 1e5)), min_size=1, max_size=40
)


@QUICK
@given(workouts=WORKOUTS, by_sport=st.booleans())
def test_nothing_is_lost_between_periods(workouts: list[tuple[int, int, float]], by_sport: bool) -> None:
    found = totals.totals(
        np.array([day for day, _, _ in workouts], np.int64),
        np.array([sport for _, sport, _ in workouts], np.int64),
        {"distance_m": np.array([metres for _, _, metres in workouts])},
        totals.week,
        by_sport=by_sport,
    )
    assert sum(each.workouts for each in found) == len(workouts)
    whole = sum(each.sums["distance_m"] for each in found)
    assert whole == pytest.approx(sum(metres for _, _, metres in workouts))
    keys = [(each.first_day, each.sport) for each in found]
    assert keys == sorted(set(keys))
    assert all(each.sport == 0 for each in found) or by_sport
