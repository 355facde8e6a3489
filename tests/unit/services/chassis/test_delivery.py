"""Delivery as a property: whatever fails, every event is settled once and no subject is reordered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus import BusUnavailable, RetryPolicy
from services.chassis.bus.delivery import deliver, passes_by_itself
from services.chassis.database import StoreUnavailable
from tests.fixtures.events import event, number_of, numbers_by_subject

POLICY = RetryPolicy(max_attempts=3, first_pause_s=0.0, max_pause_s=0.0)


class Unreliable:
    """Each event fails as often as planned; the store is away at planned calls."""

    def __init__(self, failures: dict[int, int], away_at: set[int]) -> None:
        self.settled: list[Envelope] = []
        self.parked: list[int] = []
        self._failures = Counter(failures)
        self._away_at = away_at
        self._calls = 0

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        self._be_away()
        for envelope in envelopes:
            if self._failures[number_of(envelope)] > 0:
                if len(envelopes) == 1:
                    self._failures[number_of(envelope)] -= 1
                raise ValueError(number_of(envelope))
        self.settled.extend(envelopes)

    async def park(self, envelope: Envelope, _reason: str, _attempts: int) -> None:
        self._be_away()
        self.settled.append(envelope)
        self.parked.append(number_of(envelope))

    def _be_away(self) -> None:
        self._calls += 1
        if self._calls in self._away_at:
            raise StoreUnavailable("away", retry_after=0.0)


@settings(max_examples=60, deadline=None)
@given(
    subjects=st.lists(st.sampled_from("abcd"), max_size=20),
    failures=st.dictionaries(st.integers(0, 19), st.integers(1, 5)),
    away_at=st.sets(st.integers(1, 40)),
)
def test_every_event_is_settled_once_and_in_its_subjects_order(
    subjects: list[str], failures: dict[int, int], away_at: set[int]
) -> None:
    events = [event(subject, number) for number, subject in enumerate(subjects)]
    handler = Unreliable(failures, away_at)
    asyncio.run(deliver(handler, events, POLICY))
    assert numbers_by_subject(handler.settled) == numbers_by_subject(events)
    hopeless = {n for n in range(len(events)) if failures.get(n, 0) >= POLICY.max_attempts}
    assert set(handler.parked) <= hopeless
    if len(events) > 1:  # a single event's first failure counts, in a batch nobody knows whose it was
        assert set(handler.parked) == hopeless


class RpcFailure(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (StoreUnavailable("x"), True),
        (BusUnavailable("x"), True),
        (ConnectionResetError(), True),
        (RpcFailure(grpc.StatusCode.UNAVAILABLE), True),
        (RpcFailure(grpc.StatusCode.INVALID_ARGUMENT), False),
        (TimeoutError(), False),
        (ValueError(), False),
    ],
)
def test_only_what_is_down_excuses_an_event(error: Exception, passes: bool) -> None:
    assert passes_by_itself(error) is passes


def test_pauses_grow_up_to_their_bound() -> None:
    policy = RetryPolicy(first_pause_s=1.0, max_pause_s=8.0)
    for attempt, middle in enumerate([1.0, 2.0, 4.0, 8.0, 8.0], start=1):
        assert 0.75 * middle <= policy.pause_s(attempt) <= 1.25 * middle
    assert policy.pause_s(10_000) <= 10.0
