"""What workouts were done with, as owners and rules say: store functions, each part of a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection

from pulsemesh.profile.v1 import gear_assignment_service_pb2 as wire
from pulsemesh.profile.v1 import gear_pb2
from services.chassis.errors import InvalidField
from services.profile.gear import counting
from services.profile.gear.amounts import Usage
from services.profile.gear.assigning import Facts, RuleKey, RuleKind, name_key
from services.profile.gear.counting import Recount
from services.profile.gear.errors import GearNotFound, WorkoutGone
from services.profile.gear.store import inventory, rules, workouts
from services.profile.gear.store.inventory import COMPONENT
from services.profile.gear.store.rules import ShownKey

_MOST_SEEN = 200


def set_workout_gear(
    conn: Connection, user_id: str, request: wire.SetWorkoutGearRequest, now_ms: int
) -> list[gear_pb2.WorkoutGear]:
    """Say what a workout was done with, or let the rules decide again; what it has now.

    Raises:
        WorkoutGone, GearNotFound, InvalidField
    """
    inventory.lock_owner(conn, user_id)
    known = workouts.find(conn, user_id, request.workout_id)
    if known is not None and known.facts is None:
        raise WorkoutGone(request.workout_id)
    if request.by_rules:
        rules.forget_choice(conn, user_id, request.workout_id)
    else:
        rules.choose(conn, user_id, request.workout_id, _wearable(conn, user_id, request.gear_ids))
    if known is not None:
        counting.count(conn, user_id, known, now_ms)
    return workout_gear(conn, user_id, request.workout_id)[0]


def workout_gear(conn: Connection, user_id: str, workout_id: str) -> tuple[list[gear_pb2.WorkoutGear], bool]:
    """What a workout was done with, and whether its owner said so."""
    chosen = rules.chosen(conn, user_id, workout_id)
    known = workouts.find(conn, user_id, workout_id)
    if known is None or known.facts is None:
        # Its event is still on its way: what was chosen waits for it.
        live = inventory.live(conn, user_id, chosen or ())
        waiting = [gear_pb2.WorkoutGear(gear_id=gear_id, source=_EXPLICIT) for gear_id in live.values()]
        return waiting, chosen is not None
    shares = workouts.shares(conn, [known.workout_pk])[known.workout_pk]
    live = inventory.live(conn, user_id, shares)
    told = [
        gear_pb2.WorkoutGear(
            gear_id=live[gear_pk], source=share.source, usage=Usage(share.amounts, 1).message()
        )
        for gear_pk, share in shares.items()
        if gear_pk in live
    ]
    return told, chosen is not None


def set_rule(conn: Connection, user_id: str, request: wire.SetGearRuleRequest, now_ms: int) -> Recount:
    """Let a rule say something else; what that changes, or would.

    Raises:
        GearNotFound, InvalidField
    """
    key = _shown_key(request.key)
    inventory.lock_owner(conn, user_id)
    gear_pks = _wearable(conn, user_id, request.gear_ids)
    from_ms = 0 if request.old_workouts_too else now_ms
    trial = conn.begin_nested()
    rules.put(conn, user_id, key, from_ms, gear_pks)
    done = counting.recount(conn, user_id, now_ms, from_ms)
    if request.dry_run:
        trial.rollback()
    else:
        trial.commit()
    return done


def rules_in_force(conn: Connection, user_id: str, now_ms: int) -> list[gear_pb2.GearRule]:
    """What the rules say of a workout that begins now."""
    known = rules.load(conn, user_id)
    told = []
    for shown in rules.shown_keys(conn, user_id):
        live = inventory.live(conn, user_id, known.in_force(shown.key, now_ms))
        if live:
            rule = gear_pb2.GearRule(key=_key_message(shown), gear_ids=live.values())
            since_ms = known.since(shown.key, now_ms)
            if since_ms:
                rule.valid_from.FromMilliseconds(since_ms)
            told.append(rule)
    return told


def seen(conn: Connection, user_id: str, now_ms: int) -> wire.ListSeenResponse:
    """The sensors and names that workouts brought, and what they stand for now."""
    devices: dict[str, _Seen] = defaultdict(_Seen)
    names: dict[str, _Seen] = defaultdict(_Seen)
    for known in workouts.each(conn, user_id):
        if known.facts is None or known.facts.hidden:
            continue
        for device_id in known.facts.device_ids:
            devices[device_id].add(known.facts, device_id)
        if name_key(known.facts.imported_name):
            names[name_key(known.facts.imported_name)].add(known.facts, known.facts.imported_name)
    ruled = rules.load(conn, user_id)
    called = {item.name_key: pk for pk, item in inventory.items(conn, user_id).items() if item.name_key}
    response = wire.ListSeenResponse()
    for device_id, each in _most_frequent(devices):
        given = ruled.in_force(RuleKey(RuleKind.SENSOR, match=device_id), now_ms)
        device = response.devices.add(device_id=device_id, workouts=each.workouts)
        device.last_seen_at.FromMilliseconds(each.last_ms)
        device.gear_ids.extend(inventory.live(conn, user_id, given).values())
    for key, each in _most_frequent(names):
        given = ruled.in_force(RuleKey(RuleKind.NAME, match=key), now_ms)
        name = response.names.add(imported_name=each.shown, workouts=each.workouts)
        name.last_seen_at.FromMilliseconds(each.last_ms)
        meant = given or ((called[key],) if key in called else ())
        name.gear_ids.extend(inventory.live(conn, user_id, meant).values())
    return response


class _Seen:
    """How often something was seen, when last, and how it was written then."""

    def __init__(self) -> None:
        self.workouts = 0
        self.last_ms = 0
        self.shown = ""

    def add(self, facts: Facts, shown: str) -> None:
        self.workouts += 1
        if facts.start_ms >= self.last_ms:
            self.last_ms, self.shown = facts.start_ms, shown


def _most_frequent(found: dict[str, _Seen]) -> list[tuple[str, _Seen]]:
    order = sorted(found.items(), key=lambda item: (-item[1].workouts, -item[1].last_ms, item[0]))
    return order[:_MOST_SEEN]


_EXPLICIT = gear_pb2.GEAR_SOURCE_EXPLICIT


def _wearable(conn: Connection, user_id: str, gear_ids: Collection[str]) -> set[int]:
    """The keys of gear with which a workout can be done."""
    rows = inventory.keys(conn, user_id, gear_ids)
    for gear_id in gear_ids:
        if gear_id not in rows:
            raise GearNotFound(gear_id)
        if rows[gear_id].kind == COMPONENT:
            raise InvalidField("gear_ids", f"{gear_id} is a component: name what it sits on")
    return {row.gear_pk for row in rows.values()}


def _shown_key(key: gear_pb2.GearRuleKey) -> ShownKey:
    match key.WhichOneof("key"):
        case "sport":
            return ShownKey(RuleKey(RuleKind.SPORT, int(key.sport.sport), int(key.sport.sub_sport)), "")
        case "device_id":
            return ShownKey(RuleKey(RuleKind.SENSOR, match=key.device_id), key.device_id)
        case _:
            if not name_key(key.imported_name):
                raise InvalidField("key.imported_name", "must not be blank")
            match_key = RuleKey(RuleKind.NAME, match=name_key(key.imported_name))
            return ShownKey(match_key, key.imported_name)


def _key_message(shown: ShownKey) -> gear_pb2.GearRuleKey:
    key = shown.key
    match key.kind:
        case RuleKind.SPORT:
            sport = gear_pb2.SportKey()
            sport.sport, sport.sub_sport = key.sport, key.sub_sport  # type: ignore[assignment]
            return gear_pb2.GearRuleKey(sport=sport)
        case RuleKind.SENSOR:
            return gear_pb2.GearRuleKey(device_id=key.match)
        case RuleKind.NAME:
            return gear_pb2.GearRuleKey(imported_name=shown.shown)
