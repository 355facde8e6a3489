"""Any order, repetition and cut of the events, and any moment of the owner's acts: the same totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import events_pb2, workout_state_service_pb2
from services.profile.gear import recomputing
from services.profile.gear.errors import WorkoutGone
from tests.unit.services.profile.gear.conftest import (
    CYCLING,
    DAY_MS,
    NOW_MS,
    RUNNING,
    Garage,
    amounts,
    deleted,
    make_garage,
    state,
    updated,
)

SPORTS = (CYCLING, RUNNING, sport_pb2.SPORT_MULTISPORT)
_PERSONS = count()


@dataclass(frozen=True)
class Log:
    """Events as they were published, and what is true in the end."""

    envelopes: tuple[Envelope, ...]
    final: dict[str, events_pb2.WorkoutState]


@st.composite
def states(draw: st.DrawFn, version: int) -> events_pb2.WorkoutState:
    sport = draw(st.sampled_from(SPORTS))
    total = amounts(draw(st.integers(0, 200)), draw(st.floats(0, 9)), sport)
    parts = [amounts(7.25, 0.3), amounts(3.5, 0.2, RUNNING)] if sport == SPORTS[-1] else []
    return state(
        version,
        NOW_MS - draw(st.integers(-2, 9)) * DAY_MS,
        total=total,
        parts=parts,
        hidden=draw(st.booleans()),
        gear=draw(st.sampled_from(["", "", "Racer", "unknown"])),
        device_ids=draw(st.lists(st.sampled_from(["meter", "strap"]), unique=True)),
    )


@st.composite
def logs(draw: st.DrawFn) -> Log:
    envelopes: list[Envelope] = []
    final: dict[str, events_pb2.WorkoutState] = {}
    for number in range(draw(st.integers(1, 4))):
        workout_id = f"01J{number:023d}"
        for version in range(1, draw(st.integers(1, 4)) + 1):
            final[workout_id] = draw(states(version))
            envelopes.append(updated(workout_id, final[workout_id]))
        if draw(st.booleans()):
            del final[workout_id]
            envelopes.append(deleted(workout_id))
    return Log(tuple(envelopes), final)


class Owner:
    """Acts of an owner in their order, each at its own moment."""

    def __init__(self, garage: Garage) -> None:
        self.garage = garage
        self.racer = garage.add("Racer")
        self.winter = garage.add("Winter")
        self.shoes = garage.add("Shoes", gear_pb2.GEAR_KIND_SHOES)
        self.chain = garage.component("Chain")
        self.installation = ""

    @property
    def acts(self) -> list[Callable[[], object]]:
        garage = self.garage
        return [
            lambda: self._set_at(-6, self.racer, self.shoes),
            lambda: self._install(self.racer, -8),
            lambda: garage.rule(gear_pb2.GearRuleKey(device_id="meter"), self.winter, past=True),
            lambda: self._set_at(-3, self.winter),
            lambda: garage.default(self.shoes, sport=RUNNING, past=True),
            lambda: self._install(self.winter, -4),
            lambda: garage.choose(f"01J{1:023d}", self.winter),
            lambda: garage.retire(self.racer, NOW_MS - 2 * DAY_MS),
            lambda: garage.update(self.winter, name="unknown"),
        ]

    def _set_at(self, day: int, *gear_ids: str) -> None:
        with self.garage.at(NOW_MS + day * DAY_MS):
            self.garage.default(*gear_ids)

    def _install(self, gear_id: str, day: int) -> None:
        self.installation = self.garage.install(self.chain, gear_id, NOW_MS + day * DAY_MS)

    def usages(self) -> list[gear_pb2.Usage]:
        return [self.garage.get(each).usage for each in (self.racer, self.winter, self.shoes, self.chain)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Garage]:
    made = make_garage()
    yield made
    made.engine.dispose()


def new_owner(engine: Garage) -> Owner:
    return Owner(Garage(engine.engine, user_id=f"eu_{next(_PERSONS):026d}"))


def recounted(engine: Garage, log: Log) -> list[gear_pb2.Usage]:
    """The totals of who sees each workout once, as it is in the end, after everything is set up."""
    owner = new_owner(engine)
    for act in owner.acts:
        act()
    if f"01J{1:023d}" not in log.final:
        owner.garage.choose(f"01J{1:023d}", by_rules=True)
    owner.garage.take(*(updated(workout_id, told) for workout_id, told in log.final.items()))
    return owner.usages()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), data=st.data())
def test_any_interleaving_ends_as_a_full_recomputation(engine: Garage, log: Log, data: st.DataObject) -> None:
    owner = new_owner(engine)
    repeated = data.draw(st.lists(st.sampled_from(log.envelopes), max_size=4))
    shuffled: Sequence[Envelope] = data.draw(st.permutations([*log.envelopes, *repeated]))
    cut = data.draw(st.integers(0, len(shuffled)))
    events = [*shuffled[:cut], *shuffled]  # processed up to the cut, then replayed as a whole
    acts = owner.acts
    slots = sorted(data.draw(st.lists(st.integers(0, len(events)), min_size=len(acts), max_size=len(acts))))
    for place, event in enumerate([*events, None]):
        while slots and slots[0] == place:
            slots.pop(0)
            with suppress(WorkoutGone):  # nothing can be said of a workout that is known to be deleted
                acts.pop(0)()
        if event is not None:
            owner.garage.take(event)
    assert owner.usages() == recounted(engine, log)

    items = [
        workout_state_service_pb2.ListWorkoutStatesResponse.Item(workout_id=workout_id, state=told)
        for workout_id, told in log.final.items()
    ]
    again = owner.garage.run(
        recomputing.apply, owner.garage.user_id, items, NOW_MS + 1, NOW_MS + 1, dry_run=True
    )
    assert again.workouts_changed == 0
    assert not again.differences
