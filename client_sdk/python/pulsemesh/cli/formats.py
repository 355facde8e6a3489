"""Numbers and names as people read them."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format, timestamp_pb2
from google.protobuf.message import Message

from pulsemesh import samples
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import workout_pb2

__all__ = [
    "as_dict",
    "as_json_line",
    "decimals",
    "distance",
    "duration",
    "local_time",
    "number",
    "sport_name",
    "summary_rows",
]


def as_dict(message: Message) -> dict[str, Any]:
    """Return a message as plain values, fields by their names in the contract."""
    return dict(json_format.MessageToDict(message, preserving_proto_field_name=True))


def as_json_line(document: Any) -> str:
    """Return a document as one line of JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def duration(seconds: float) -> str:
    """Return a duration as `1:02:03` or `2:03`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def distance(metres: float) -> str:
    """Return a distance in kilometres, or in metres where it is short."""
    return f"{metres / 1000:.2f} km" if metres >= 1000 else f"{metres:.0f} m"


def decimals(channel: str) -> int:
    """Return how many decimals the integers of a channel resolve."""
    scale = samples.CHANNEL_BY_NAME[channel].scale
    return max(0, math.ceil(math.log10(scale) - 1e-9))


def number(channel: str, value: float) -> str:
    """Return a value of a channel with as many decimals as it has, no trailing zeros."""
    places = decimals(channel)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def local_time(stamp: timestamp_pb2.Timestamp) -> str:
    """Return a moment by the clock of this machine."""
    moment: datetime = stamp.ToDatetime(tzinfo=UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def sport_name(sport: sport_pb2.Sport.ValueType) -> str:
    """Return a sport as a word: `cross country skiing`."""
    if sport not in sport_pb2.Sport.values():
        return f"sport {sport}"
    name = sport_pb2.Sport.Name(sport).removeprefix("SPORT_").lower().replace("_", " ")
    return "-" if name == "unspecified" else name


def summary_rows(summary: workout_pb2.Summary) -> list[tuple[str, str]]:
    """Return the numbers of a summary that are there, as labels and texts."""
    rows: list[tuple[str, str]] = []
    for field, label, write in (
        ("elapsed_s", "Elapsed", duration),
        ("timer_s", "Timer", duration),
        ("moving_s", "Moving", duration),
        ("distance_m", "Distance", distance),
        ("elevation_gain_m", "Climbed", lambda value: f"{value:.0f} m"),
        ("elevation_loss_m", "Descended", lambda value: f"{value:.0f} m"),
        ("average_speed_mps", "Average speed", lambda value: f"{value * 3.6:.1f} km/h"),
        ("energy_kcal", "Energy", lambda value: f"{value:.0f} kcal"),
        ("work_kj", "Work", lambda value: f"{value:.0f} kJ"),
        ("lengths", "Lengths", str),
        ("strokes", "Strokes", str),
    ):
        if summary.HasField(field):  # type: ignore[arg-type]
            rows.append((label, write(getattr(summary, field))))
    return rows
