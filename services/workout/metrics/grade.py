"""Hills: how steep, and what speed on the flat would have cost the same."""

from __future__ import annotations

import numpy as np

from services.workout.metrics.grid import FloatArray

WINDOW_S = 20
"""A grade is measured over so many seconds to each side: altitude comes in steps of 0.2 m and more."""
SHORTEST_M = 10.0
"""And over at least so many metres; on a shorter way nothing is known, and it counts as flat."""
STEEPEST = 0.45
"""As steep as Minetti measured."""

_COST_ON_THE_FLAT = 3.6


def grades(altitude_m: FloatArray, odometer_m: FloatArray) -> FloatArray:
    """Rise over run at each second, within ± `STEEPEST`; 0 where unknown.

    Args:
        altitude_m: at each second, NaN where unknown; shape (n,).
        odometer_m: at each edge, never falling; shape (n + 1,).
    """
    size = len(altitude_m)
    width = min(WINDOW_S, (size - 1) // 2)
    result = np.zeros(size)
    if width < 1:
        return result
    middle = (odometer_m[1:] + odometer_m[:-1]) / 2
    run = middle[2 * width :] - middle[: -2 * width]
    rise = altitude_m[2 * width :] - altitude_m[: -2 * width]
    far = run >= SHORTEST_M
    inner = np.divide(rise, run, out=np.zeros(len(run)), where=far)
    np.nan_to_num(inner, copy=False, nan=0.0)
    np.clip(inner, -STEEPEST, STEEPEST, out=inner)
    result[width : size - width] = inner
    result[:width], result[size - width :] = inner[0], inner[-1]
    return result


def cost_j_per_kg_m(grade: FloatArray) -> FloatArray:
    """Energy of running a metre, in J per kg, at a grade within ± 0.45; shape of `grade`.

    155.4 i⁵ - 30.4 i⁴ - 43.3 i³ + 46.3 i² + 19.5 i + 3.6: Minetti, Moia, Roi, Susta and Ferretti 2002,
    "Energy cost of walking and running at extreme uphill and downhill slopes", J Appl Physiol 93:1039-1046.
    """
    return np.asarray(
        ((((155.4 * grade - 30.4) * grade - 43.3) * grade + 46.3) * grade + 19.5) * grade + _COST_ON_THE_FLAT
    )


def flat_speed_mps(speed_mps: FloatArray, grade: FloatArray) -> FloatArray:
    """Speed on the flat that costs as much as `speed_mps` at `grade` (grade-adjusted speed); same shapes."""
    return np.asarray(speed_mps * cost_j_per_kg_m(grade) * (1 / _COST_ON_THE_FLAT))
