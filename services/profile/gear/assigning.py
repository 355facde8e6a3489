"""Which gear a workout was done with, and how much of it counts. Pure.

The answer depends on the workout, on what its owner chose and on the rules, never on when an event arrived:
a rule is in force for workouts that *begin* while it is. So the same totals come out of any order of events.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import events_pb2
from services.profile.gear.amounts import Amounts

_RIDDEN = frozenset({sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_E_BIKING})
_ON_FOOT = frozenset({sport_pb2.SPORT_RUNNING, sport_pb2.SPORT_WALKING, sport_pb2.SPORT_HIKING})
_PARTS_OF: Mapping[int, AbstractSet[int]] = {
    gear_pb2.GEAR_KIND_BIKE: _RIDDEN,
    gear_pb2.GEAR_KIND_SHOES: _ON_FOOT,
}

_LONGEST_NAME = 128


class RuleKind(IntEnum):
    """By what a rule recognises a workout. The numbers are stored."""

    SPORT = 1
    SENSOR = 2
    NAME = 3


@dataclass(frozen=True, slots=True)
class RuleKey:
    """The sport, or the device id, or the imported name (as `name_key` gives it) that a rule is about."""

    kind: RuleKind
    sport: int = 0
    sub_sport: int = 0
    match: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a workout in one sport."""

    sport: int
    sub_sport: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a workout: one state of it."""

    workout_id: str
    version: int
    hidden: bool
    start_ms: int
    total: Part
    parts: tuple[Part, ...]
    imported_name: str
    device_ids: tuple[str, ...]

    @classmethod
    def of(cls, workout_id: str, state: events_pb2.WorkoutState) -> Facts:
        """The facts that the state in an event tells."""
        return cls(
            workout_id=workout_id,
            version=state.version,
            hidden=state.hidden,
            start_ms=max(state.start_time.ToMilliseconds(), 0),
            total=_part(state.total),
            parts=tuple(_part(part) for part in state.parts),
            imported_name=state.gear,
            device_ids=tuple(state.device_ids),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of gear that a workout can be done with.

    Attributes:
        unused_from_ms: rules give it to no workout that begins then or later: it was retired or deleted.
    """

    gear_pk: int
    kind: int
    name_key: str | None
    unused_from_ms: int | None = None

    def usable(self, start_ms: int) -> bool:
        """Whether a rule may give it to a workout that begins then."""
        return self.unused_from_ms is None or start_ms < self.unused_from_ms


@dataclass
class Rules:
    """The rules of one person with their history."""

    _history: dict[RuleKey, list[tuple[int, tuple[int, ...]]]] = field(default_factory=dict)

    def add(self, key: RuleKey, from_ms: int, gear_pks: Iterable[int]) -> None:
        """Let `gear_pks` be in force for workouts that begin at `from_ms` or later, until the next change."""
        history = self._history.setdefault(key, [])
        history.append((from_ms, tuple(sorted(gear_pks))))
        history.sort()

    def in_force(self, key: RuleKey, start_ms: int) -> tuple[int, ...]:
        """What the rule gives to a workout that begins then."""
        history = self._history.get(key)
        if not history:
            return ()
        at = bisect_right(history, start_ms, key=lambda version: version[0])
        return history[at - 1][1] if at else ()

    def has(self, key: RuleKey) -> bool:
        """Whether there is, or was, a rule about this."""
        return key in self._history

    def since(self, key: RuleKey, start_ms: int) -> int:
        """From when on the rule says what it says at that moment."""
        return max((at for at, _ in self._history.get(key, ()) if at <= start_ms), default=0)


@dataclass(frozen=True, slots=True)
class Share:
    """What decided that a piece of gear was used, how much of the workout counts for it, and its start."""

    source: gear_pb2.GearSource.ValueType
    amounts: Amounts
    start_ms: int


def assign(
    facts: Facts, chosen: AbstractSet[int] | None, rules: Rules, items: Mapping[int, Item]
) -> dict[int, Share]:
    """From the key of each piece of gear that a workout was done with to its share.

    Args:
        chosen: what the owner said of this workout; None when nothing was said.
        items: the owner's gear by its key, without components.
    """
    if facts.hidden:
        return {}
    if chosen is not None:
        explicit = gear_pb2.GEAR_SOURCE_EXPLICIT
        return {
            pk: Share(explicit, _amounts_for(facts, items[pk].kind), facts.start_ms)
            for pk in sorted(chosen)
            if pk in items
        }
    shares: dict[int, Share] = {}
    for source, by_gear in _proposals(facts, rules, items):
        # What stands higher decides for a kind as a whole: a power meter says which bike, and leaves the
        # shoes to the sport's default.
        taken = {items[pk].kind for pk in shares}
        shares |= {
            pk: Share(source, amounts, facts.start_ms)
            for pk, amounts in by_gear.items()
            if items[pk].kind not in taken
        }
    return shares


def name_key(name: str) -> str:
    """A name so that two that look the same are the same: case, width and spaces do not tell them apart."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding may make a name longer; what is stored has an end.
    return " ".join(unicodedata.normalize("NFKC", folded).split())[:_LONGEST_NAME].rstrip()


def _proposals(
    facts: Facts, rules: Rules, items: Mapping[int, Item]
) -> Iterator[tuple[gear_pb2.GearSource.ValueType, dict[int, Amounts]]]:
    """What each source says, the one that stands highest first."""

    def usable(gear_pks: Iterable[int]) -> list[int]:
        return [pk for pk in gear_pks if pk in items and items[pk].usable(facts.start_ms)]

    def counted(gear_pks: Iterable[int]) -> dict[int, Amounts]:
        return {pk: _amounts_for(facts, items[pk].kind) for pk in usable(gear_pks)}

    yield gear_pb2.GEAR_SOURCE_IMPORTED, counted(_imported(facts, rules, items))
    sensed = [
        pk
        for device_id in facts.device_ids
        for pk in rules.in_force(RuleKey(RuleKind.SENSOR, match=device_id), facts.start_ms)
    ]
    yield gear_pb2.GEAR_SOURCE_SENSOR, counted(sensed)
    by_part: dict[int, list[Amounts]] = {}
    for part in facts.parts or (facts.total,):
        for sub_sport in dict.fromkeys((part.sub_sport, 0)):
            key = RuleKey(RuleKind.SPORT, part.sport, sub_sport)
            found = usable(rules.in_force(key, facts.start_ms))
            for pk in found:
                by_part.setdefault(pk, []).append(part.amounts)
            if found:
                break
    yield gear_pb2.GEAR_SOURCE_SPORT, {pk: Amounts.sum(parts) for pk, parts in by_part.items()}


def _imported(facts: Facts, rules: Rules, items: Mapping[int, Item]) -> Sequence[int]:
    """What the name in the workout's file means: by a rule, else gear that is called so."""
    wanted = name_key(facts.imported_name)
    if not wanted:
        return ()
    ruled = rules.in_force(RuleKey(RuleKind.NAME, match=wanted), facts.start_ms)
    if any(pk in items and items[pk].usable(facts.start_ms) for pk in ruled):
        return ruled
    return [pk for pk, item in items.items() if item.name_key == wanted]


def _amounts_for(facts: Facts, kind: int) -> Amounts:
    """The parts in which gear of that kind is used; the whole where the parts do not tell."""
    sports = _PARTS_OF.get(kind)
    if sports is not None:
        fitting = [part.amounts for part in facts.parts if part.sport in sports]
        if fitting:
            return Amounts.sum(fitting)
    return facts.total.amounts


def _part(told: events_pb2.WorkoutAmounts) -> Part:
    return Part(int(told.sport), int(told.sub_sport), Amounts.of(told))
