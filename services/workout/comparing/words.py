"""How changes are said: English templates, as data.

Each measure has a sentence for more and one for less. `{by}` is the size of the change, `{after}` and
`{before}` the values of the workout and of the reference, `{over}` what is compared, `{place}` where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


def duration(seconds: float) -> str:
    """`1:02:03`, `2:03`, and below a minute `42 s`."""
    whole = round(abs(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def metres(value: float) -> str:
    """`24.8 km`, or `640 m` where it is short."""
    return f"{abs(value) / 1000:.1f} km" if abs(value) >= 1000 else f"{abs(value):.0f} m"


def _plain(unit: str, places: int = 0) -> Callable[[float], str]:
    return lambda value: f"{value:.{places}f} {unit}"


@dataclass(frozen=True, slots=True)
class Wording:
    """How one measure is said.

    Attributes:
        more, less: templates.
        write: a value with its unit.
        unit: of the values in the contract.
    """

    more: str
    less: str
    write: Callable[[float], str]
    unit: str


WORDINGS: Mapping[str, Wording] = {
    "elapsed": Wording(
        "{by} slower over {over} ({after} against {before}).",
        "{by} faster over {over} ({after} against {before}).",
        duration,
        "s",
    ),
    "distance": Wording(
        "{by} farther in {over} ({after} against {before}).",
        "{by} less far in {over} ({after} against {before}).",
        metres,
        "m",
    ),
    "stopped": Wording(
        "Stood still for {by} longer ({after} against {before}).",
        "Stood still for {by} less ({after} against {before}).",
        duration,
        "s",
    ),
    "where_lost": Wording(
        "Most time was lost {place}: {by}.",
        "Most time was won {place}: {by}.",
        duration,
        "s",
    ),
    "turned": Wording(
        "Half way {before} ahead, at the end {after} behind.",
        "Half way {before} behind, at the end {after} ahead.",
        duration,
        "s",
    ),
    "heart_rate": Wording(
        "Average heart rate {by} higher ({after} against {before}).",
        "Average heart rate {by} lower ({after} against {before}).",
        _plain("bpm"),
        "bpm",
    ),
    "power": Wording(
        "Average power {by} higher ({after} against {before}).",
        "Average power {by} lower ({after} against {before}).",
        _plain("W"),
        "W",
    ),
    "cadence": Wording(
        "Average cadence {by} higher ({after} against {before}).",
        "Average cadence {by} lower ({after} against {before}).",
        _plain("rpm"),
        "rpm",
    ),
    "temperature": Wording(
        "It was {by} warmer ({after} against {before}).",
        "It was {by} colder ({after} against {before}).",
        _plain("°C"),
        "degC",
    ),
    "power_per_beat": Wording(
        "{by} more power for the same heart rate ({after} against {before}).",
        "{by} less power for the same heart rate ({after} against {before}).",
        _plain("W per bpm", 2),
        "W/bpm",
    ),
    "speed_per_beat": Wording(
        "{by} more metres a heart beat ({after} against {before}).",
        "{by} fewer metres a heart beat ({after} against {before}).",
        _plain("m", 2),
        "m",
    ),
}


def sentence(measure: str, before: float, after: float, **more: str) -> str:
    """The sentence for a change from `before` to `after`; `more` fills what the template asks for besides.

    `by` is written like the values unless it is given.
    """
    wording = WORDINGS[measure]
    template = wording.more if after > before else wording.less
    parts = {
        "by": wording.write(abs(after - before)),
        "before": wording.write(before),
        "after": wording.write(after),
    }
    return template.format(**(parts | more))
