from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workout.exporting.names import safe


@given(st.text(max_size=300))
def test_a_safe_name_is_a_name_in_every_file_system(name: str) -> None:
    made = safe(name)
    assert made
    assert len(made) <= 121
    assert not set(made) & set('<>:"/\\|?*\0\n\r\t')
    assert made not in (".", "..")
    assert made == made.strip(" .")
    assert safe(made) == made


@pytest.mark.parametrize(
    ("given_name", "made"),
    [
        ("ride.fit", "ride.fit"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\ride.fit", "ride.fit"),
        ("Morgen: Ausfahrt?.gpx", "Morgen_ Ausfahrt_.gpx"),
        ("con", "_con"),
        ("NUL.fit", "_NUL.fit"),
        ("...", "file"),
        ("x" * 300 + ".fit.gz", "x" * 117 + ".gz"),
    ],
)
def test_names_stay_recognisable(given_name: str, made: str) -> None:
    assert safe(given_name) == made
