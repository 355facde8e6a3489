"""A planned workout, step by step, as a FIT file that watches and head units execute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ingest_edge.files.fit_encoder.codes import sport_codes
from ingest_edge.files.fit_encoder.named import NamedValue, NamedWriter

Intensity = Literal["active", "rest", "warmup", "cooldown", "recovery", "interval"]
Duration = Literal["time_s", "distance_m", "energy_kcal", "open"]
Target = Literal["open", "heart_rate_bpm", "power_w", "speed_mps", "cadence_rpm"]

_INTENSITIES: dict[str, int] = {
    "active": 0,
    "rest": 1,
    "warmup": 2,
    "cooldown": 3,
    "recovery": 4,
    "interval": 5,
}
_DURATIONS: dict[str, tuple[int, str]] = {
    "time_s": (0, "duration_time"),
    "distance_m": (1, "duration_distance"),
    "energy_kcal": (4, "duration_calories"),
}
_OPEN_DURATION = 5
_REPEAT_UNTIL_STEPS_DONE = 6
_TARGETS: dict[str, tuple[int, str]] = {
    "speed_mps": (0, "speed"),
    "heart_rate_bpm": (1, "heart_rate"),
    "cadence_rpm": (3, "cadence"),
    "power_w": (4, "power"),
}
_OPEN_TARGET = 2
# Smaller numbers would mean zones and percentages.
_OFFSETS = {"heart_rate_bpm": 100, "power_w": 1000}
_WORKOUT_FILE = 5
_DEVELOPMENT = 255
_MAX_STEPS = 0xFFFE
_MAX_NAME, _MAX_NOTES = 64, 200


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how long, and within which bounds (`low` to `high`, in the target's unit)."""

    duration: Duration = "open"
    amount: float = 0.0
    target: Target = "open"
    low: float = 0.0
    high: float = 0.0
    intensity: Intensity = "active"
    name: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Steps that are done so many times in all; repeats may stand in repeats."""

    times: int
    steps: Sequence[PlanStep]


PlanStep: TypeAlias = Step | Repeat


@dataclass(frozen=True, slots=True)
class WorkoutPlan:
    """A workout to be done. `sport` and `sub_sport` are value names of our contracts."""

    name: str
    sport: str
    steps: Sequence[PlanStep]
    sub_sport: str = "SUB_SPORT_UNSPECIFIED"
    created_fit_s: int = 1_000_000_000


def write_workout_plan(plan: WorkoutPlan) -> bytes:
    """The FIT file of a planned workout.

    Raises ValueError for a plan without a step or with more than FIT can number, and for bounds that are the
    wrong way round.
    """
    steps = list(_numbered(plan.steps, 0))
    if not 0 < len(steps) <= _MAX_STEPS:
        raise ValueError(f"a plan has 1 to {_MAX_STEPS} steps, not {len(steps)}")
    sport, sub_sport = sport_codes(plan.sport, plan.sub_sport)
    writer = NamedWriter()
    writer.message(
        "file_id",
        {
            "type": _WORKOUT_FILE,
            "manufacturer": _DEVELOPMENT,
            "product": 1,
            "serial_number": 1,
            "time_created": plan.created_fit_s,
        },
    )
    writer.message(
        "workout",
        {
            "wkt_name": _clipped(plan.name, _MAX_NAME) or None,
            "sport": sport,
            "sub_sport": sub_sport,
            "num_valid_steps": len(steps),
        },
    )
    for index, values in enumerate(steps):
        writer.message("workout_step", {"message_index": index, **values})
    return writer.to_bytes()


def _numbered(steps: Sequence[PlanStep], first: int) -> Iterator[dict[str, NamedValue]]:
    """The steps as FIT lists them: a repeat is a step behind those that it repeats."""
    index = first
    for step in steps:
        if isinstance(step, Step):
            yield _step(step)
            index += 1
            continue
        if step.times < 1 or not step.steps:
            raise ValueError("a repeat has steps, and is done once at least")
        inner = list(_numbered(step.steps, index))
        yield from inner
        yield {
            "duration_type": _REPEAT_UNTIL_STEPS_DONE,
            "duration_step": index,
            "target_type": _OPEN_TARGET,
            "repeat_steps": step.times,
        }
        index += len(inner) + 1


def _step(step: Step) -> dict[str, NamedValue]:
    values: dict[str, NamedValue] = {
        "wkt_step_name": _clipped(step.name, _MAX_NAME) or None,
        "intensity": _INTENSITIES[step.intensity],
        "notes": _clipped(step.notes, _MAX_NOTES) or None,
    }
    if step.duration == "open":
        values["duration_type"] = _OPEN_DURATION
    else:
        values["duration_type"], field = _DURATIONS[step.duration]
        values[field] = step.amount
    if step.target == "open":
        return values | {"target_type": _OPEN_TARGET, "target_value": 0}
    if step.low > step.high:
        raise ValueError(f"from {step.low} to {step.high} there is nothing")
    number, name = _TARGETS[step.target]
    offset = _OFFSETS.get(step.target, 0)
    return values | {
        "target_type": number,
        "target_value": 0,
        f"custom_target_{name}_low": step.low + offset,
        f"custom_target_{name}_high": step.high + offset,
    }


def _clipped(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")
