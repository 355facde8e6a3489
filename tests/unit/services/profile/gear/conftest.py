"""A migrated database of the profile service, its store functions called directly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import gear_assignment_service_pb2 as assignment
from pulsemesh.profile.v1 import gear_events_pb2, gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import events_pb2
from services.chassis import outbox
from services.chassis.outbox import metadata as chassis_metadata
from services.profile.gear import choosing, events, installing, inventory, messages
from services.profile.tables import metadata

P = ParamSpec("P")
T = TypeVar("T")

PERSON = "eu_01J00000000000000000000000"
DAY_MS = 86_400_000
NOW_MS = 1_780_000_000_000
CYCLING, RUNNING = sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_RUNNING


def amounts(
    km: float = 10, hours: float = 1, sport: int = CYCLING, sub_sport: int = 0
) -> events_pb2.WorkoutAmounts:
    return events_pb2.WorkoutAmounts(
        sport=sport,  # type: ignore[arg-type]
        sub_sport=sub_sport,  # type: ignore[arg-type]
        distance_m=km * 1000,
        duration_s=hours * 3600,
        elevation_gain_m=100,
        work_kj=500,
    )


def state(version: int = 1, start_ms: int = NOW_MS - DAY_MS, **fields: Any) -> events_pb2.WorkoutState:
    """A ride of 10 km in an hour, a day ago."""
    told = events_pb2.WorkoutState(version=version, **{"total": amounts(), **fields})
    told.start_time.FromMilliseconds(start_ms)
    return told


def envelope(event: Message) -> Envelope:
    return Envelope(
        event_id=new_ulid(),
        type=event.DESCRIPTOR.full_name,
        subject=PERSON,
        payload=event.SerializeToString(),
    )


def updated(workout_id: str, told: events_pb2.WorkoutState) -> Envelope:
    return envelope(events_pb2.WorkoutUpdated(workout_id=workout_id, user_id=PERSON, state=told))


def deleted(workout_id: str) -> Envelope:
    return envelope(events_pb2.WorkoutDeleted(workout_id=workout_id, user_id=PERSON))


@dataclass
class Garage:
    """What a person does with gear, each act a transaction."""

    engine: sa.Engine
    now_ms: int = NOW_MS
    user_id: str = PERSON
    workouts: list[str] = field(default_factory=list)

    def run(self, fn: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.engine.begin() as conn:
            return fn(conn, *args, **kwargs)

    @contextmanager
    def at(self, now_ms: int) -> Iterator[None]:
        before, self.now_ms = self.now_ms, now_ms
        yield
        self.now_ms = before

    def add(self, name: str, kind: int = gear_pb2.GEAR_KIND_BIKE, **fields: Any) -> str:
        names = fields.pop("imported_names", ())
        gear = gear_pb2.Gear(name=name, kind=kind, **fields)  # type: ignore[arg-type]
        request = wire.CreateGearRequest(gear=gear, imported_names=names)
        return self.run(inventory.create, self.user_id, request, self.now_ms)

    def component(self, name: str, component_type: str = "chain", **fields: Any) -> str:
        return self.add(name, gear_pb2.GEAR_KIND_COMPONENT, component_type=component_type, **fields)

    def install(self, component_id: str, gear_id: str, at_ms: int | None = None) -> str:
        request = wire.InstallComponentRequest(component_id=component_id, gear_id=gear_id)
        if at_ms is not None:
            request.installed_at.FromMilliseconds(at_ms)
        return self.run(installing.install, self.user_id, request, self.now_ms)

    def remove(self, component_id: str, at_ms: int) -> None:
        request = wire.RemoveComponentRequest(component_id=component_id)
        request.removed_at.FromMilliseconds(at_ms)
        self.run(installing.remove, self.user_id, request, self.now_ms)

    def update(self, gear_id: str, **fields: Any) -> None:
        request = wire.UpdateGearRequest(gear=gear_pb2.Gear(gear_id=gear_id, **fields))
        request.update_mask.paths.extend(fields)
        self.run(inventory.update, self.user_id, request, self.now_ms)

    def retire(self, gear_id: str, at_ms: int) -> None:
        request = wire.RetireGearRequest(gear_id=gear_id)
        request.retired_at.FromMilliseconds(at_ms)
        self.run(inventory.retire, self.user_id, request, self.now_ms)

    def restore(self, gear_id: str) -> None:
        self.run(inventory.restore, self.user_id, wire.RestoreGearRequest(gear_id=gear_id), self.now_ms)

    def delete(self, gear_id: str) -> bool:
        return self.run(inventory.delete, self.user_id, gear_id, self.now_ms)

    def default(self, *gear_ids: str, sport: int = CYCLING, sub_sport: int = 0, past: bool = False) -> int:
        key = gear_pb2.SportKey(sport=sport, sub_sport=sub_sport)  # type: ignore[arg-type]
        return self.rule(gear_pb2.GearRuleKey(sport=key), *gear_ids, past=past)

    def rule(
        self, key: gear_pb2.GearRuleKey, *gear_ids: str, past: bool = False, dry_run: bool = False
    ) -> int:
        request = assignment.SetGearRuleRequest(
            key=key, gear_ids=gear_ids, old_workouts_too=past, dry_run=dry_run
        )
        return self.run(choosing.set_rule, self.user_id, request, self.now_ms).changed

    def choose(self, workout_id: str, *gear_ids: str, by_rules: bool = False) -> None:
        request = assignment.SetWorkoutGearRequest(
            workout_id=workout_id, gear_ids=gear_ids, by_rules=by_rules
        )
        self.run(choosing.set_workout_gear, self.user_id, request, self.now_ms)

    def take(self, *envelopes: Envelope) -> None:
        for each in envelopes:
            each.subject = self.user_id
            self.run(events.take, each, self.now_ms)

    def take_state(self, workout_id: str, told: events_pb2.WorkoutState) -> None:
        self.take(updated(workout_id, told))

    def ride(self, start_ms: int | None = None, **fields: Any) -> str:
        """A workout, told by its event."""
        workout_id = new_ulid()
        self.take(updated(workout_id, state(1, self.now_ms if start_ms is None else start_ms, **fields)))
        return workout_id

    def gear_of(self, workout_id: str) -> set[str]:
        told, _ = self.run(choosing.workout_gear, self.user_id, workout_id)
        return {each.gear_id for each in told}

    def get(self, gear_id: str) -> gear_pb2.Gear:
        def told(conn: sa.Connection) -> gear_pb2.Gear:
            row = inventory.owned(conn, self.user_id, gear_id)
            return messages.gear_messages(conn, [row], self.now_ms)[0]

        return self.run(told)

    def km(self, gear_id: str) -> float:
        return self.get(gear_id).usage.distance_m / 1000

    def alerts_told(self) -> list[gear_events_pb2.GearWearReached]:
        rows = self.run(outbox.waiting, 1000, 10**9)
        return [gear_events_pb2.GearWearReached.FromString(row.envelope.payload) for row in rows]


def make_garage(path: Path | None = None) -> Garage:
    """A garage on SQLite; in memory without a path."""
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    engine = sa.create_engine(url, poolclass=sa.StaticPool, connect_args={"check_same_thread": False})
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    metadata.create_all(engine)
    chassis_metadata.create_all(engine)
    return Garage(engine)


@pytest.fixture
def garage() -> Iterator[Garage]:
    made = make_garage()
    yield made
    made.engine.dispose()
