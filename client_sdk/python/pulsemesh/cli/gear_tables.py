"""How the commands of gear show what they know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pulsemesh.cli.formats import distance, duration, local_time, sport_name
from pulsemesh.cli.references import short
from pulsemesh.profile.v1 import gear_assignment_service_pb2, gear_pb2
from pulsemesh.type.v1 import sport_pb2

__all__ = [
    "as_price",
    "differences_table",
    "gear_table",
    "installations_table",
    "rules_table",
    "seen_tables",
    "services_table",
    "show_gear",
    "workouts_table",
]


_WITHOUT_DECIMALS = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"} | {
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
}
_WITH_THREE = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def as_price(amount: float, currency: str) -> gear_pb2.Price:
    """Return an amount as people write it, in the smallest unit of its currency."""
    code = currency.upper()
    return gear_pb2.Price(currency_code=code, minor_units=round(amount * 10 ** _digits(code)))


def gear_table(found: Sequence[gear_pb2.Gear]) -> Table:
    """The inventory, a line each; components under what they sit on are told so."""
    names = {each.gear_id: each.name for each in found}
    table = Table("ID", "What", "Name", "On", box=None, pad_edge=False)
    for heading in ("Distance", "Time", "Workouts", "Wear"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            short(each.gear_id),
            _what(each),
            _plain(each.name) + (" (retired)" if each.HasField("retired_at") else ""),
            _plain(names.get(each.installed_on_gear_id, "")),
            distance(each.usage.distance_m),
            duration(each.usage.duration_s),
            str(each.usage.workouts),
            f"{max(target.percent for target in each.targets)} %" if each.targets else "",
        )
    return table


def show_gear(console: Console, found: gear_pb2.Gear) -> None:
    """One piece of gear with its usage and targets."""
    console.print(f"[bold]{_plain(found.name)}[/bold]  {_what(found)}  {found.gear_id}")
    words = [found.brand, found.model, found.purchased_on]
    if found.HasField("price"):
        words.append(_price(found.price))
    if found.weight_g:
        words.append(f"{found.weight_g} g")
    if any(words):
        console.print(_plain(", ".join(word for word in words if word)))
    if found.HasField("retired_at"):
        console.print(f"retired {local_time(found.retired_at)}")
    if found.notes:
        console.print(_plain(found.notes))
    used = found.usage
    console.print(
        f"{distance(used.distance_m)}, {duration(used.duration_s)}, {used.elevation_gain_m:.0f} m up, "
        f"{used.work_kj:.0f} kJ in {used.workouts} workouts"
    )
    for target in found.targets:
        console.print(f"{target.percent} % of {_amount(target.metric, target.limit)}")


def installations_table(found: Sequence[gear_pb2.Installation], names: Mapping[str, str]) -> Table:
    """Where components sat."""
    table = Table("ID", "Component", "On", "From", "To", box=None, pad_edge=False)
    table.add_column("Distance", justify="right")
    for each in found:
        table.add_row(
            short(each.installation_id),
            _plain(names.get(each.component_id, "(deleted)")),
            _plain(names.get(each.gear_id, "(deleted)")),
            local_time(each.installed_at),
            local_time(each.removed_at) if each.HasField("removed_at") else "",
            distance(each.usage.distance_m),
        )
    return table


def services_table(found: Sequence[gear_pb2.ServiceRecord]) -> Table:
    """A service log."""
    table = Table("ID", "When", "What", "Cost", "Resets", box=None, pad_edge=False)
    for each in found:
        table.add_row(
            short(each.record_id),
            local_time(each.serviced_at),
            _plain(each.description),
            _price(each.cost) if each.HasField("cost") else "",
            ", ".join(_metric(metric) for metric in each.resets),
        )
    return table


def workouts_table(found: Sequence[gear_assignment_service_pb2.GearWorkout]) -> Table:
    """Workouts that count for gear."""
    table = Table("Workout", "Start", "Sport", box=None, pad_edge=False)
    for heading in ("Distance", "Time"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            short(each.workout_id),
            local_time(each.start_time),
            sport_name(each.sport),
            distance(each.usage.distance_m),
            duration(each.usage.duration_s),
        )
    return table


def rules_table(rules: Sequence[gear_pb2.GearRule], names: Mapping[str, str]) -> Table:
    """The rules in force."""
    table = Table("When", "Gear", "Since", box=None, pad_edge=False)
    for rule in rules:
        since = local_time(rule.valid_from) if rule.HasField("valid_from") else "ever"
        table.add_row(_plain(_key(rule.key)), _named(rule.gear_ids, names), since)
    return table


def seen_tables(seen: gear_assignment_service_pb2.ListSeenResponse, names: Mapping[str, str]) -> list[Table]:
    """The sensors and names that workouts brought, and what they stand for."""
    tables = []
    devices = [(each.device_id, each.workouts, each.gear_ids) for each in seen.devices]
    imported = [(each.imported_name, each.workouts, each.gear_ids) for each in seen.names]
    for heading, rows in (("Sensor", devices), ("Imported name", imported)):
        table = Table(heading, "Workouts", "Stands for", box=None, pad_edge=False)
        for name, workouts, gear_ids in rows:
            table.add_row(_plain(name), str(workouts), _named(gear_ids, names))
        if rows:
            tables.append(table)
    return tables


def differences_table(
    done: gear_assignment_service_pb2.RecomputeGearResponse, names: Mapping[str, str]
) -> Table:
    """What a recomputation found."""
    table = Table("Gear", box=None, pad_edge=False)
    for heading in ("Before", "After"):
        table.add_column(heading, justify="right")
    for each in done.differences:
        name = _plain(names.get(each.gear_id, short(each.gear_id)))
        table.add_row(name, distance(each.before.distance_m), distance(each.after.distance_m))
    return table


def _what(found: gear_pb2.Gear) -> str:
    kind = gear_pb2.GearKind.Name(found.kind).removeprefix("GEAR_KIND_").lower()
    return (found.component_type or kind).replace("_", " ")


def _metric(metric: gear_pb2.WearMetric.ValueType) -> str:
    return gear_pb2.WearMetric.Name(metric).removeprefix("WEAR_METRIC_").lower()


def _amount(metric: gear_pb2.WearMetric.ValueType, value: float) -> str:
    if metric == gear_pb2.WEAR_METRIC_DISTANCE:
        return distance(value)
    return f"{value / 3600:.0f} h" if metric == gear_pb2.WEAR_METRIC_DURATION else f"{value:.0f} days"


def _price(price: gear_pb2.Price) -> str:
    digits = _digits(price.currency_code)
    return f"{price.minor_units / 10**digits:.{digits}f} {price.currency_code}"


def _digits(currency: str) -> int:
    """Return how many decimals the amounts of a currency have (ISO 4217)."""
    return 0 if currency in _WITHOUT_DECIMALS else 3 if currency in _WITH_THREE else 2


def _key(key: gear_pb2.GearRuleKey) -> str:
    match key.WhichOneof("key"):
        case "sport":
            kind = sport_pb2.SubSport.Name(key.sport.sub_sport).removeprefix("SUB_SPORT_").lower()
            words = "" if kind == "unspecified" else f", {kind.replace('_', ' ')}"
            return sport_name(key.sport.sport) + words
        case "device_id":
            return f"sensor {key.device_id}"
        case _:
            return f"imported as {key.imported_name}"


def _named(gear_ids: Sequence[str], names: Mapping[str, str]) -> str:
    return _plain(", ".join(names.get(gear_id, short(gear_id)) for gear_id in gear_ids))


def _plain(text: str) -> str:
    """Return text that rich prints as it is."""
    return text.replace("[", r"\[")
