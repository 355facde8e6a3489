"""Sample times survive steps of the wall clock."""

from __future__ import annotations

from ingest_edge.sensors import SampleClock


def test_a_step_of_the_wall_clock_changes_no_sample_time() -> None:
    wall_s, monotonic_s = 1_700_000_000.0, 50.0
    clock = SampleClock(wall=lambda: wall_s, monotonic=lambda: monotonic_s)
    assert clock.now_ms() == 1_700_000_000_000
    wall_s -= 3600
    monotonic_s += 1.5
    assert clock.now_ms() == 1_700_000_001_500
