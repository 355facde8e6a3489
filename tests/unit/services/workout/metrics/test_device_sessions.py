"""Our numbers agree with those of the devices, or it is known why not."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import device_sessions

EXACT = {
    "timer": 0.002,
    "distance": 0.001,
    "average_heart_rate": 0.02,
    "normalized_power": 0.01,
    "training_stress_score": 0.01,
    "work": 0.01,
}
"""How near the numbers of files whose records are whole must come."""

WHOLE = (
    "dtcooper__python-fitparse/Edge810-Vector-2013-08-16-15-35-10.fit",
    "tormoder__fit/garmin.fit",
)
"""Files of power meters whose records hold all that the device counted."""

pytestmark = pytest.mark.skipif(
    not device_sessions.FILES.exists(), reason="the sample files lie beside the repository"
)


@pytest.fixture(scope="module")
def differences() -> list[device_sessions.Difference]:
    return list(device_sessions.every_difference(largest_records=20_000))


def test_every_difference_over_two_per_cent_has_a_reason(
    differences: list[device_sessions.Difference],
) -> None:
    assert [one for one in differences if not one.agrees and one.reason is None] == []


def test_most_numbers_agree(differences: list[device_sessions.Difference]) -> None:
    agreeing = Counter(one.agrees for one in differences)
    assert agreeing[True] >= 90
    assert agreeing[True] >= 0.75 * len(differences)


def test_no_reason_is_given_for_what_agrees(differences: list[device_sessions.Difference]) -> None:
    agreeing = {(one.file.rpartition("/")[2], one.session, one.name) for one in differences if one.agrees}
    assert agreeing & set(device_sessions.REASONS) == set()


@pytest.mark.parametrize("file", WHOLE)
def test_power_meters_whose_records_are_whole_agree_closely(
    differences: list[device_sessions.Difference], file: str
) -> None:
    near = [one for one in differences if one.file == file and one.name in EXACT]
    assert len(near) == len(EXACT)
    for one in near:
        assert one.ours == pytest.approx(one.device, rel=EXACT[one.name]), one.name
