"""Every workout's load and sums, by columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from services.workout.tables import loads

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class LoadColumns:
    """One value a workout, in the order of their starts.

    Attributes:
        starts_ms, sports: int64, shape (n,).
        numbers: float64, shape (n,), by the name of the column; NaN where absent.
    """

    starts_ms: NDArray[np.int64]
    sports: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]


def columns(conn: Connection, user_id: str, names: Sequence[str], sports: Sequence[int]) -> LoadColumns:
    """These columns of all workouts of a person, or of those of some sports."""
    query = (
        select(loads.c.start_ms, loads.c.sport, *(loads.c[name] for name in names))
        .where(loads.c.user_id == user_id)
        .order_by(loads.c.start_ms, loads.c.workout_pk)
    )
    if sports:
        query = query.where(loads.c.sport.in_(sorted(set(sports))))
    rows = conn.execute(query).all()
    if not rows:
        return LoadColumns(_NONE, _NONE, {name: np.empty(0) for name in names})
    # Column by column, several times as fast as row by row; None becomes NaN.
    starts, kinds, *values = zip(*rows, strict=True)
    return LoadColumns(
        np.array(starts, np.int64),
        np.array(kinds, np.int64),
        {name: np.array(column, np.float64) for name, column in zip(names, values, strict=True)},
    )
