"""Our numbers beside those that the devices themselves wrote into their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.importer.translation import recording_of
from services.workout import documents
from services.workout.codec import decode_batches
from services.workout.summary import summarise

FILES = Path(__file__).parents[6] / "shared" / "fit"

REPORTED = {
    "adriangibbons__php-fit-file-analysis/road-cycling.fit": (6843.7, 36923, 1022),
    "dtcooper__python-fitparse/compressed-speed-distance.fit": (3772.8, 10249, None),
    "tormoder__fit/garmin.fit": (8789.1, 66802, 268),
    "thomaschampagne__elevate/alexania.fit": (6685.0, 47942, 771),
    "thomaschampagne__elevate/spiros-02.fit": (3133.6, 2000, None),
}
"""Timer in s, distance in m and ascent in m of the only session, as the device reported them."""


@pytest.mark.skipif(not FILES.exists(), reason="the sample files lie beside the repository")
@pytest.mark.parametrize("name", REPORTED)
def test_a_real_file_gives_the_numbers_of_its_device(name: str) -> None:
    activity = FitparseDecoder().decode(FILES / name)
    recording = recording_of(activity, "0" * 64, "test")
    sources = [
        decode_batches(batch.SerializeToString() for batch in batches) for _, batches in recording.sources
    ]
    made = summarise(
        sources,
        sport=0,
        sub_sport=0,
        start_ms=activity.start_time_ms,
        sessions=documents.parts(recording.details),
        lengths=documents.lengths(recording.details),
    )
    timer_s, distance_m, ascent_m = REPORTED[name]
    assert made.whole.timer_s == pytest.approx(timer_s, abs=3)
    assert made.whole.distance_m == pytest.approx(distance_m, rel=0.001)
    if ascent_m is not None:
        assert made.whole.elevation_gain_m == pytest.approx(ascent_m, rel=0.1)
