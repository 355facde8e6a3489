"""FIT's time: whole seconds since 1989-12-31T00:00:00Z."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FIT_EPOCH_S = 631_065_600
"""Unix seconds at which FIT begins to count."""


def fit_seconds(unix_ms: int) -> int:
    """Unix milliseconds as FIT counts time; fractions are cut off."""
    return unix_ms // 1000 - FIT_EPOCH_S


def fit_seconds_array(unix_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same for a column, shape (n,)."""
    return unix_ms // 1000 - FIT_EPOCH_S
