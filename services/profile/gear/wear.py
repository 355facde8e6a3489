"""How worn gear is: its targets, their cycles, and how far they have come. Store functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_pb2
from services.profile.gear.amounts import Amounts, Usage
from services.profile.gear.store import installations, usage
from services.profile.gear.store import wear as store
from services.profile.gear.store.inventory import COMPONENT

DISTANCE = int(gear_pb2.WEAR_METRIC_DISTANCE)
DURATION = int(gear_pb2.WEAR_METRIC_DURATION)
AGE = int(gear_pb2.WEAR_METRIC_AGE)

UNIT = {DISTANCE: 100, DURATION: 1000, AGE: 86_400_000}
"""Stored parts of a metric's unit: centimetres a metre, milliseconds a second, milliseconds a day."""

STEPS = (90, 100)
"""Per cents of a limit at which an owner is told."""


@dataclass(frozen=True, slots=True)
class Wear:
    """How far a target has come.

    Attributes:
        target: its row.
        cycle_ms: when its cycle began; 0: everything counts.
        used_value: since then, in the parts that `UNIT` says.
        began_ms: for ages, from when they count.
    """

    target: Row[Any]
    cycle_ms: int
    used_value: int
    began_ms: int

    @property
    def metric(self) -> int:
        """What is measured."""
        return int(self.target.metric)

    @property
    def percent(self) -> int:
        """Of the limit, rounded down."""
        return self.used_value * 100 // int(self.target.limit_value)

    @property
    def limit(self) -> float:
        """In the metric's unit."""
        return int(self.target.limit_value) / UNIT[self.metric]

    @property
    def used(self) -> float:
        """In the metric's unit."""
        return self.used_value / UNIT[self.metric]

    def reached(self) -> int | None:
        """The highest step that is reached."""
        return next((step for step in reversed(STEPS) if self.percent >= step), None)

    def due_ms(self, now_ms: int) -> int | None:
        """When age alone brings it to its next step; None: never."""
        if self.metric != AGE:
            return None
        limit = int(self.target.limit_value)
        moments = (self.began_ms + -(-limit * step // 100) for step in STEPS)
        return next((moment for moment in moments if moment > now_ms), None)

    def message(self) -> gear_pb2.WearTarget:
        """As the contract tells it."""
        message = gear_pb2.WearTarget(
            metric=gear_pb2.WearMetric.ValueType(self.metric),
            limit=self.limit,
            used=self.used,
            percent=min(self.percent, 2**32 - 1),
        )
        if self.cycle_ms:
            message.cycle_started_at.FromMilliseconds(self.cycle_ms)
        return message


def measure(conn: Connection, gear_rows: Sequence[Row[Any]], now_ms: int) -> dict[int, list[Wear]]:
    """From gear to how far its targets have come, in the order of their metrics."""
    rows = {row.gear_pk: row for row in gear_rows}
    targets = store.targets(conn, rows)
    if not targets:
        return {}
    worn = {target.gear_pk for target in targets}
    cycles = _cycles(conn, targets)
    sums = _usages(conn, rows, {(pk, cycle) for (pk, metric), cycle in cycles.items() if metric != AGE})
    begun = _beginnings(conn, [rows[pk] for pk in worn])
    measured: dict[int, list[Wear]] = {pk: [] for pk in rows}
    for target in targets:
        pk, metric = target.gear_pk, target.metric
        cycle_ms = cycles[pk, metric]
        began_ms = cycle_ms or begun[pk]
        if metric == AGE:
            used = max(now_ms - began_ms, 0)
        else:
            used = _used(rows[pk], metric, sums.get((pk, cycle_ms), Usage()).amounts, cycle_ms)
        measured[pk].append(Wear(target, cycle_ms, used, began_ms))
    return measured


def _used(gear: Row[Any], metric: int, amounts: Amounts, cycle_ms: int) -> int:
    if metric == DISTANCE:
        return amounts.distance_cm + (0 if cycle_ms else int(gear.earlier_distance_cm))
    return amounts.duration_ms + (0 if cycle_ms else int(gear.earlier_duration_ms))


def _cycles(conn: Connection, targets: Sequence[Row[Any]]) -> dict[tuple[int, int], int]:
    """From gear and metric to when the cycle began: set so, or by the last service that resets it."""
    cycles = {(target.gear_pk, target.metric): int(target.counted_from_ms) for target in targets}
    for record in installations.resets(conn, {target.gear_pk for target in targets}):
        for key, began_ms in cycles.items():
            if key[0] == record.gear_pk and record.resets & (1 << key[1]):
                cycles[key] = max(began_ms, record.serviced_ms)
    return cycles


def _usages(
    conn: Connection, rows: Mapping[int, Row[Any]], wanted: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Usage]:
    """From gear and the beginning of a cycle to what was done since; a query for each beginning."""
    found: dict[tuple[int, int], Usage] = {}
    for since_ms in {since_ms for _, since_ms in wanted}:
        pks = [pk for pk, since in wanted if since == since_ms]
        found |= {(pk, since_ms): used for pk, used in total(conn, rows, pks, since_ms).items()}
    return found


def total(
    conn: Connection, rows: Mapping[int, Row[Any]], gear_pks: Collection[int], since_ms: int = 0
) -> dict[int, Usage]:
    """From gear and components to their usage by workouts that began at `since_ms` or later."""
    components = [pk for pk in gear_pks if rows[pk].kind == COMPONENT]
    others = [pk for pk in gear_pks if rows[pk].kind != COMPONENT]
    found = usage.of_gear(conn, others, since_ms) if others else {}
    return found | (usage.of_components(conn, components, since_ms) if components else {})


def _beginnings(conn: Connection, gear_rows: Sequence[Row[Any]]) -> dict[int, int]:
    """From gear to when it began to age: put on first, else bought, else entered here."""
    installed = store.first_installed(conn, [row.gear_pk for row in gear_rows])
    return {
        row.gear_pk: installed.get(row.gear_pk) or _bought_ms(row.purchased_on) or row.created_ms
        for row in gear_rows
    }


def _bought_ms(day: str) -> int:
    if not day:
        return 0
    bought = date.fromisoformat(day)
    return max(int(datetime(bought.year, bought.month, bought.day, tzinfo=UTC).timestamp() * 1000), 0)
