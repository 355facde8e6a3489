"""An inspected file, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from ingest_edge.cli.inspect_plot import plot, sparkline
from ingest_edge.cli.output import duration
from ingest_edge.files.fit.profile_data import GARMIN_PRODUCT, MANUFACTURER
from ingest_edge.files.fit_profile import LAP_TRIGGERS
from ingest_edge.files.fit_sports import sport_name, sub_sport_name
from ingest_edge.files.inspection import Channel, Inspection, Stillness
from ingest_edge.files.inspection.stillness import unix_ms

_MOST_ROWS = 12
_LONGEST_NAME = 32
_SPARK_WIDTH = 24
_PLOT_WIDTH, _PLOT_HEIGHT = 60, 8
_PLOTTED = ("enhanced_altitude", "altitude", "power", "heart_rate", "enhanced_speed", "speed")
_DEGREES_PER_SEMICIRCLE = 180 / 2**31

_UNITS = {"semicircles": "deg", "watts": "W"}
"""Units as people write them, where FIT's profile writes others."""

_STATES = {"whole": "read whole", "part": "read in part", "nothing": "could not be read"}

_TOTALS = (
    ("avg_heart_rate", "{:.0f} bpm"),
    ("max_heart_rate", "max {:.0f} bpm"),
    ("avg_power", "{:.0f} W"),
    ("normalized_power", "NP {:.0f} W"),
    ("max_power", "max {:.0f} W"),
    ("avg_cadence", "{:.0f} rpm"),
    ("total_ascent", "{:.0f} m up"),
    ("total_calories", "{:.0f} kcal"),
    ("training_stress_score", "TSS {:.0f}"),
)


def show_inspection(console: Console, file: str, inspection: Inspection) -> None:
    """Print a file's report."""
    head = f"{file}: {inspection.kind}, {_STATES[inspection.readable]}"
    console.print(Text(_printable(head), style="bold"), soft_wrap=True)
    for label, text in _facts(inspection):
        console.print(Text(_printable(f"  {label:<11}{text}")), soft_wrap=True)
    if inspection.laps:
        _show_table(console, _lap_lines(inspection.laps))
    if inspection.channels:
        _show_table(console, _channel_lines(inspection.channels))
        _show_plot(console, inspection.channels)
    for loss in sorted(inspection.errors, key=lambda loss: -1 if loss.offset is None else loss.offset):
        where = "" if loss.offset is None else f" at byte {loss.offset}"
        console.print(Text(_printable(f"  Error{where}: {loss.reason}"), style="red"), soft_wrap=True)
    console.print()


def _printable(text: str) -> str:
    """The text without what a terminal would obey: names in a file are anybody's."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _show_table(console: Console, lines: Sequence[str]) -> None:
    console.print()
    for index, line in enumerate(lines):
        console.print(Text(_printable(line), style="dim" if index == 0 else ""), soft_wrap=True)


def _facts(inspection: Inspection) -> Iterator[tuple[str, str]]:
    for text in _devices(inspection.devices):
        yield "Device", text
    for index, session in enumerate(inspection.sessions):
        yield (f"Session {index + 1}" if len(inspection.sessions) > 1 else "Session"), _session(session)
    if inspection.readable != "nothing":
        yield "Records", str(inspection.records)
    for label, stretches in (("Pauses", inspection.pauses), ("Gaps", inspection.gaps)):
        if stretches:
            yield label, _stretches(stretches)
    if inspection.messages:
        counted = sorted(inspection.messages.items(), key=lambda item: -item[1])
        yield "Messages", ", ".join(f"{name.removesuffix('_mesgs')} {count}" for name, count in counted)


def _devices(devices: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each device once, at its first and fullest: later messages repeat it when its battery changes."""
    known: dict[object, str] = {}
    for device in devices:
        key = device.get("serial_number") or device.get("product_name") or device.get("garmin_product")
        text = _device(device)
        if key is not None and len(text) > len(known.get(key, "")):
            known[key] = text
    return list(known.values())


def _device(device: Mapping[str, Any]) -> str:
    """What a device says of itself."""
    words = [str(device[name]) for name in ("product_name", "descriptor") if device.get(name)]
    number = device.get("manufacturer")
    if isinstance(number, int):
        words.append(MANUFACTURER.get(number, f"manufacturer {number}").replace("_", " "))
    product = device.get("garmin_product")
    if isinstance(product, int) and product in GARMIN_PRODUCT:
        words.append(GARMIN_PRODUCT[product].replace("_", " "))
    for name in ("garmin_product", "product", "serial_number", "software_version"):
        if device.get(name) is not None and not (name == "product" and "garmin_product" in device):
            words.append(f"{name.replace('_', ' ')} {device[name]}")
    return ", ".join(words)


def _session(session: Mapping[str, Any]) -> str:
    parts = [_sport(session)]
    start = session.get("start_time")
    if isinstance(start, int | float):
        parts.append(_moment(start))
    if session.get("total_distance") is not None:
        parts.append(f"{session['total_distance'] / 1000:.2f} km")
    if session.get("total_timer_time") is not None:
        parts.append(duration(session["total_timer_time"]))
    if session.get("total_elapsed_time") is not None:
        parts.append(f"elapsed {duration(session['total_elapsed_time'])}")
    parts += [
        form.format(session[name]) for name, form in _TOTALS if isinstance(session.get(name), int | float)
    ]
    return ", ".join(parts)


def _sport(session: Mapping[str, Any]) -> str:
    sport, sub_sport = session.get("sport"), session.get("sub_sport")
    known = sport_name(sport, sub_sport) if isinstance(sport, int) else "SPORT_UNSPECIFIED"
    detail = sub_sport_name(sub_sport) if isinstance(sub_sport, int) else ""
    words = [known.removeprefix("SPORT_"), detail.removeprefix("SUB_SPORT_")]
    said = [word.lower().replace("_", " ") for word in words if word not in ("", "UNSPECIFIED", "OTHER")]
    return ", ".join(said) or "some sport"


def _moment(fit_seconds: float) -> str:
    time_ms = unix_ms(fit_seconds)
    if time_ms is None:
        return f"{fit_seconds:.0f} s after it was switched on"
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "at a time beyond the calendar"


def _stretches(stretches: Sequence[Stillness]) -> str:
    total = sum(stretch.length_s for stretch in stretches)
    shown = sorted(stretches, key=lambda stretch: -stretch.length_s)[:3]
    longest = ", ".join(f"{duration(stretch.length_s)} at {_moment(stretch.start_s)}" for stretch in shown)
    return f"{len(stretches)}, {duration(total)} in all; the longest {longest}"


def _lap_lines(laps: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [("Lap", "Start", "Time", "Distance", "Heart rate", "Power", "Ended by")]
    for index, lap in enumerate(laps[:_MOST_ROWS]):
        start, timer = lap.get("start_time"), lap.get("total_timer_time")
        rows.append(
            (
                str(index + 1),
                _moment(start)[11:19] if isinstance(start, int | float) else "",
                duration(timer) if isinstance(timer, int | float) else "",
                _cell(lap.get("total_distance"), "{:.0f} m"),
                _cell(lap.get("avg_heart_rate"), "{:.0f} bpm"),
                _cell(lap.get("avg_power"), "{:.0f} W"),
                LAP_TRIGGERS.get(lap.get("lap_trigger", -1), "").replace("_", " "),
            )
        )
    more = len(laps) - _MOST_ROWS
    return _aligned(rows, ">>>>>><") + ([f"  and {more} more"] if more > 0 else [])


def _cell(value: Any, form: str) -> str:
    return form.format(value) if isinstance(value, int | float) else ""


def _channel_lines(channels: Sequence[Channel]) -> list[str]:
    rows = [("Channel", "Unit", "Count", "Least", "Mean", "Most", "Over time")]
    names = {channel.name for channel in channels}
    for channel in channels:
        # The finer twin of an old field tells the same.
        if f"enhanced_{channel.name}" in names:
            continue
        degrees = channel.unit == "semicircles"
        factor = _DEGREES_PER_SEMICIRCLE if degrees else 1
        least, mean, most = (
            _number(value * factor, 5 if degrees else 1)
            for value in (channel.minimum, channel.mean, channel.maximum)
        )
        rows.append(
            (
                channel.name[:_LONGEST_NAME],
                _UNITS.get(channel.unit, channel.unit)[:_LONGEST_NAME],
                str(channel.count),
                least,
                mean,
                most,
                sparkline(channel.curve, _SPARK_WIDTH),
            )
        )
    return _aligned(rows, "<<>>>><")


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """The rows as lines whose cells stand under each other, `sides` (< or >) by column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _number(value: float, places: int) -> str:
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _show_plot(console: Console, channels: Sequence[Channel]) -> None:
    by_name = {channel.name: channel for channel in channels}
    channel = next((by_name[name] for name in _PLOTTED if name in by_name and by_name[name].curve), None)
    if channel is None or channel.minimum == channel.maximum:
        return
    console.print(Text(f"\n  {channel.name} [{_UNITS.get(channel.unit, channel.unit)}]", style="dim"))
    for line in plot(channel.curve, _PLOT_WIDTH, _PLOT_HEIGHT):
        console.print(Text("  " + line), soft_wrap=True)
