"""Pauses double up to their bound, jittered, and start again after success."""

from __future__ import annotations

import random

from ingest_edge.sensors.backoff import Backoff


def test_pauses_double_up_to_the_bound() -> None:
    backoff = Backoff(1.0, 6.0, 0.0)
    assert [backoff.next_pause_s() for _ in range(5)] == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_jitter_shortens_by_at_most_its_share() -> None:
    backoff = Backoff(1.0, 1.0, 0.5, random.Random(7))
    pauses = [backoff.next_pause_s() for _ in range(200)]
    assert 0.5 <= min(pauses) < 0.6
    assert 0.9 < max(pauses) <= 1.0


def test_a_reset_starts_from_the_first_pause() -> None:
    backoff = Backoff(1.0, 8.0, 0.0)
    backoff.next_pause_s()
    backoff.next_pause_s()
    backoff.reset()
    assert backoff.next_pause_s() == 1.0
