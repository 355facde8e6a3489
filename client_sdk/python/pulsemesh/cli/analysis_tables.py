"""The analysis of a workout, in words and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from pulsemesh import samples
from pulsemesh.cli.formats import distance, duration
from pulsemesh.workout.v1 import analysis_pb2

__all__ = ["write_analysis"]

_LOAD: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("stress_score", "Stress score", lambda value: f"{value:.0f}"),
    ("normalized_power_w", "Normalised power", lambda value: f"{value:.0f} W"),
    ("intensity_factor", "Intensity factor", lambda value: f"{value:.2f}"),
    ("variability_index", "Variability index", lambda value: f"{value:.2f}"),
    ("training_stress_score", "TSS (power)", lambda value: f"{value:.0f}"),
    ("heart_rate_stress_score", "TSS (heart rate)", lambda value: f"{value:.0f}"),
    ("running_stress_score", "TSS (running)", lambda value: f"{value:.0f}"),
    ("swimming_stress_score", "TSS (swimming)", lambda value: f"{value:.0f}"),
    ("trimp_banister", "TRIMP (Banister)", lambda value: f"{value:.0f}"),
    ("trimp_edwards", "TRIMP (Edwards)", lambda value: f"{value:.0f}"),
    ("efficiency_factor", "Efficiency factor", lambda value: f"{value:.2f}"),
    ("decoupling_percent", "Decoupling", lambda value: f"{value:+.1f} %"),
    ("grade_adjusted_speed_mps", "Speed on the flat", lambda value: f"{value * 3.6:.1f} km/h"),
    ("left_power_percent", "Left leg's share", lambda value: f"{value:.1f} %"),
    ("work_above_critical_power_kj", "Work above CP", lambda value: f"{value:.0f} kJ"),
)

_KINDS = {
    analysis_pb2.DetectedInterval.KIND_WORK: "work",
    analysis_pb2.DetectedInterval.KIND_REST: "rest",
    analysis_pb2.DetectedInterval.KIND_AUTO_LAP: "lap",
    analysis_pb2.DetectedInterval.KIND_CLIMB: "climb",
}

_BAR_COLUMNS = 24
_INTERVALS_SHOWN = 30
_EFFORTS_SHOWN = 16


def write_analysis(console: Console, analysis: analysis_pb2.Analysis) -> None:
    """Write what is there: load, zones, best efforts, intervals, heart-rate variability, swim."""
    rows = [*_load_rows(analysis.load), *_other_rows(analysis)]
    if rows:
        console.print()
        console.print(_pairs(rows))
    for model in _first_of_each_channel(analysis):
        _write_zones(console, model)
    left = len(analysis.zones) - len(_first_of_each_channel(analysis))
    if left:
        console.print(f"… and {left} more models of zones (--json shows all)")
    if analysis.best_efforts:
        _write_efforts(console, analysis)
    found = [each for each in analysis.intervals if each.kind != analysis_pb2.DetectedInterval.KIND_AUTO_LAP]
    if found:
        _write_intervals(console, found)


def _pairs(rows: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for label, text in rows:
        table.add_row(label, text)
    return table


def _load_rows(load: analysis_pb2.TrainingLoad) -> Iterator[tuple[str, str]]:
    for field, label, write in _LOAD:
        if load.HasField(field):  # type: ignore[arg-type]
            yield label, write(getattr(load, field))


def _other_rows(analysis: analysis_pb2.Analysis) -> Iterator[tuple[str, str]]:
    if analysis.HasField("w_prime_balance"):
        yield "Least W' balance", f"{analysis.w_prime_balance.minimum_j / 1000:.1f} kJ"
    if analysis.HasField("heart_rate_variability"):
        variability = analysis.heart_rate_variability
        yield "RMSSD", f"{variability.rmssd_ms:.0f} ms"
        yield "SDNN", f"{variability.sdnn_ms:.0f} ms"
        if variability.HasField("dfa_alpha1"):
            yield "DFA-α1", f"{variability.dfa_alpha1:.2f}"
    if analysis.HasField("swim"):
        yield "SWOLF", f"{analysis.swim.swolf:.0f}"
        yield "Average length", f"{analysis.swim.average_length_s:.1f} s"


def _first_of_each_channel(analysis: analysis_pb2.Analysis) -> list[analysis_pb2.ZoneTimes]:
    """The usual model of each channel: the platform names that first."""
    return list({model.channel: model for model in reversed(analysis.zones)}.values())[::-1]


def _write_zones(console: Console, model: analysis_pb2.ZoneTimes) -> None:
    whole = sum(zone.seconds for zone in model.zones)
    if not whole:
        return
    table = Table(f"Zones: {model.model.replace('_', ' ')}", "", box=None, pad_edge=False)
    table.add_column("Time", justify="right")
    table.add_column("", justify="right")
    for zone in model.zones:
        share = zone.seconds / whole
        bar = "█" * round(share * _BAR_COLUMNS)
        table.add_row(zone.name, bar, duration(zone.seconds), f"{share:.0%}")
    console.print()
    console.print(table)


def _write_efforts(console: Console, analysis: analysis_pb2.Analysis) -> None:
    table = Table("Best effort", box=None, pad_edge=False)
    table.add_column("", justify="right")
    for effort in analysis.best_efforts[:_EFFORTS_SHOWN]:
        what, _, _ = effort.kind.partition("/")
        if what == "distance":
            table.add_row(distance(effort.distance_m), duration(effort.value))
        else:
            spec = samples.CHANNELS.get(effort.channel)
            unit = spec.unit if spec is not None else ""
            label = f"{what.replace('_', ' ')}, {duration(effort.duration_s)}"
            table.add_row(label, f"{effort.value:.4g} {unit}")
    console.print()
    console.print(table)


def _write_intervals(console: Console, intervals: list[analysis_pb2.DetectedInterval]) -> None:
    table = Table("Found", box=None, pad_edge=False)
    for heading in ("Time", "Distance", "Power", "Heart rate", "Speed", "Climbed"):
        table.add_column(heading, justify="right")
    for interval in intervals[:_INTERVALS_SHOWN]:
        table.add_row(
            _KINDS.get(interval.kind, ""),
            duration((interval.end_time_ms - interval.start_time_ms) / 1000),
            distance(interval.distance_m) if interval.distance_m else "",
            _given(interval, "average_power_w", "{:.0f} W"),
            _given(interval, "average_heart_rate_bpm", "{:.0f} bpm"),
            f"{interval.average_speed_mps * 3.6:.1f} km/h" if interval.HasField("average_speed_mps") else "",
            _given(interval, "elevation_gain_m", "{:.0f} m"),
        )
    console.print()
    console.print(table)
    if len(intervals) > _INTERVALS_SHOWN:
        console.print(f"… and {len(intervals) - _INTERVALS_SHOWN} more (--json shows all)")


def _given(interval: analysis_pb2.DetectedInterval, field: str, form: str) -> str:
    return form.format(getattr(interval, field)) if interval.HasField(field) else ""  # type: ignore[arg-type]
