"""What one workout adds to the numbers of its athlete. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, workout_pb2

LOAD_FIELDS = (
    "stress_score",
    "training_stress_score",
    "heart_rate_stress_score",
    "running_stress_score",
    "swimming_stress_score",
    "trimp_banister",
    "trimp_edwards",
)
SUMMARY_FIELDS = ("elapsed_s", "moving_s", "distance_m", "elevation_gain_m", "energy_kcal", "work_kj")

_DISTANCE = "distance/"


@dataclass(frozen=True, slots=True)
class Share:
    """A workout's share, as rows.

    Attributes:
        load: the columns of `loads`.
        curves, efforts: the columns of rows of `curves` and `efforts`.
    """

    user_id: str
    workout_pk: int
    load: dict[str, Any]
    curves: Sequence[dict[str, Any]]
    efforts: Sequence[dict[str, Any]]


def share_of(row: Row[Any], summary: workout_pb2.Summary, analysis: analysis_pb2.Analysis) -> Share:
    """The share of the workout of this row."""
    whose = {
        "workout_pk": row.workout_pk,
        "user_id": row.user_id,
        "sport": row.sport,
        "start_ms": row.start_ms,
    }
    load = {
        **whose,
        **{name: _known(analysis.load, name) for name in LOAD_FIELDS},
        **{name: _known(summary, name) for name in SUMMARY_FIELDS},
    }
    parts = list(_by_sport(row.sport, analysis))
    curves = {
        (sport, curve.channel): {
            **whose,
            "sport": sport,
            "channel": int(curve.channel),
            "payload": pack_curve(curve),
        }
        for sport, part in parts
        for curve in part.curves
        if curve.durations_s
    }
    efforts: dict[tuple[int, str], dict[str, Any]] = {}
    for sport, part in parts:
        for effort in part.best_efforts:
            new = {**whose, **_effort(effort), "sport": sport}
            best = efforts.setdefault((sport, effort.kind), new)
            if new["score"] > best["score"]:
                efforts[sport, effort.kind] = new
    return Share(row.user_id, row.workout_pk, load, list(curves.values()), list(efforts.values()))


def _by_sport(
    sport: int, analysis: analysis_pb2.Analysis
) -> Iterator[tuple[int, analysis_pb2.Analysis | analysis_pb2.SessionAnalysis]]:
    """What efforts and curves are of: the whole, or each session where their sports differ.

    A curve over two sports would be of neither. Of several sessions of one sport the longest comes last.
    """
    sports = {session.sport for session in analysis.sessions} - {sport_pb2.SPORT_TRANSITION}
    if len(sports) < 2:
        yield sport, analysis
        return
    for session in sorted(analysis.sessions, key=lambda each: each.end_time_ms - each.start_time_ms):
        yield int(session.sport), session


def is_better_smaller(kind: str) -> bool:
    """Whether less is better: the seconds of a distance."""
    return kind.startswith(_DISTANCE)


def _effort(effort: analysis_pb2.BestEffort) -> dict[str, Any]:
    return {
        "kind": effort.kind,
        "channel": int(effort.channel),
        "duration_s": effort.duration_s,
        "distance_m": effort.distance_m,
        "value": effort.value,
        "score": -effort.value if is_better_smaller(effort.kind) else effort.value,
        "effort_start_ms": effort.start_time_ms,
        "effort_end_ms": effort.end_time_ms,
    }


def _known(message: Any, name: str) -> float | None:
    if not message.HasField(name):
        return None
    value = float(getattr(message, name))
    return value if math.isfinite(value) else None


def pack_curve(curve: analysis_pb2.MeanMaximalCurve) -> bytes:
    """Durations (uint32), values (float32), beginnings (uint32), as many of each."""
    return b"".join(
        np.asarray(each, kind).tobytes()
        for each, kind in (
            (curve.durations_s, np.dtype("<u4")),
            (curve.values, np.dtype("<f4")),
            (curve.starts_s, np.dtype("<u4")),
        )
    )


def unpack_curve(payload: bytes) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Durations in seconds and values, both of shape (n,)."""
    points = len(payload) // 12
    durations = np.frombuffer(payload, np.dtype("<u4"), points)
    return durations, np.frombuffer(payload, np.dtype("<f4"), points, 4 * points)
