"""The numbers of a recording as it runs: a table that moves, plain lines, or JSON."""

from __future__ import annotations

import time

from rich.live import Live
from rich.table import Table
from rich.text import Text

from ingest_edge.cli.output import Output, duration
from ingest_edge.recorder import LiveNumbers, LiveSensor
from ingest_edge.uplink import Uplink
from pulsemesh.samples import CHANNEL_BY_NAME

_SHOWN = ("heart_rate", "power", "cadence", "speed", "distance", "left_power", "stride_length", "energy")
_FRESH_MS = 10_000


class RecordDisplay:
    """Shows `LiveNumbers` after every write to the spool. Use it as a context manager."""

    def __init__(self, output: Output, uplink: Uplink, line_interval_s: float = 5.0) -> None:
        self._output = output
        self._uplink = uplink
        self._line_interval_s = line_interval_s
        self._live = Live(console=output.console, auto_refresh=False) if output.live else None
        self._last_line = float("-inf")
        self._states: dict[str, bool | None] = {}

    def __enter__(self) -> RecordDisplay:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, numbers: LiveNumbers) -> None:
        """Show a moment."""
        if self._output.as_json:
            self._output.event(
                "live", **_plain(numbers), committed=self._committed(numbers), link=self._link()
            )
        elif self._live is not None:
            self._live.update(self._table(numbers), refresh=True)
        else:
            self._show_changes(numbers)
            if time.monotonic() - self._last_line >= self._line_interval_s:
                self._last_line = time.monotonic()
                self._output.line(self._text(numbers))

    def _show_changes(self, numbers: LiveNumbers) -> None:
        """A line at once for each sensor that came or went: five seconds may pass before the next numbers."""
        for sensor in numbers.sensors:
            if sensor.connected != self._states.get(sensor.name):
                self._output.line(f"{duration(numbers.elapsed_s)}  {sensor.name}: {_state(sensor).plain}")
            self._states[sensor.name] = sensor.connected

    def _committed(self, numbers: LiveNumbers) -> int:
        progress = self._uplink.progress(numbers.recording_id)
        return progress.committed if progress is not None else 0

    def _link(self) -> str:
        if self._uplink.refused:
            return f"refused: {self._uplink.refused}"
        if self._uplink.connected:
            return "connected"
        return f"not connected: {self._uplink.trouble}" if self._uplink.trouble else "connecting"

    def _text(self, numbers: LiveNumbers) -> str:
        values = [
            f"{name.replace('_', ' ')} {value}"
            for sensor in numbers.sensors
            for name, value in _values(sensor)
        ]
        return f"{self._headline(numbers)}  {', '.join(dict.fromkeys(values))}"

    def _headline(self, numbers: LiveNumbers) -> str:
        notes = [duration(numbers.elapsed_s)]
        notes += ["paused"] if numbers.paused else []
        notes += [f"lap {numbers.laps}"] if numbers.laps > 1 else []
        notes += [f"{numbers.stored} samples safe, {self._committed(numbers)} at the platform"]
        notes += [f"{numbers.lost} LOST"] if numbers.lost else []
        notes += [self._link()] if not self._uplink.connected else []
        notes += [numbers.trouble] if numbers.trouble else []
        return "  ".join(notes)

    def _table(self, numbers: LiveNumbers) -> Table:
        table = Table(title=self._headline(numbers), title_justify="left", box=None, pad_edge=False)
        table.add_column("sensor")
        table.add_column("state")
        table.add_column("now")
        for sensor in numbers.sensors:
            values = Text("   ").join(
                Text.assemble((value, "bold"), f" {name.replace('_', ' ')}")
                for name, value in _values(sensor)
            )
            table.add_row(sensor.name, _state(sensor), values)
        table.caption = "l lap   p pause   q or Ctrl-C finish"
        table.caption_justify = "left"
        return table


def _state(sensor: LiveSensor) -> Text:
    if sensor.connected is None:
        return Text("looking for it", "yellow")
    return Text("connected", "green") if sensor.connected else Text("lost", "red")


def _values(sensor: LiveSensor) -> list[tuple[str, str]]:
    newest = max((value.time_ms for value in sensor.values.values()), default=0)
    shown = []
    for name in _SHOWN:
        value = sensor.values.get(name)
        # A number that did not come again stands for nothing that is.
        if value is not None and newest - value.time_ms < _FRESH_MS:
            shown.append((name, _formatted(name, value.value)))
    return shown


def _formatted(name: str, value: float) -> str:
    spec = CHANNEL_BY_NAME[name]
    if name == "speed":
        return f"{value * 3.6:.1f} km/h"
    if name == "distance":
        return f"{value / 1000:.2f} km"
    digits = 0 if spec.scale <= 10 else 2
    return f"{value:.{digits}f} {spec.unit}"


def _plain(numbers: LiveNumbers) -> dict[str, object]:
    return {
        "recording_id": numbers.recording_id,
        "elapsed_s": round(numbers.elapsed_s, 3),
        "paused": numbers.paused,
        "stored": numbers.stored,
        "lost": numbers.lost,
        "trouble": numbers.trouble,
        "sensors": [
            {
                "sensor_id": sensor.sensor_id,
                "name": sensor.name,
                "connected": sensor.connected,
                "battery_percent": sensor.battery_percent,
                "values": {name: value.value for name, value in sensor.values.items()},
            }
            for sensor in numbers.sensors
        ],
    }
