"""Columns of channel integers as decimal text that reads back equal."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import SampleTable
from ingest_edge.files.channels import SCALES, UNITS


def decimals(channel: str) -> int:
    """How many decimals tell two neighbouring values of the channel apart."""
    return max(0, math.ceil(math.log10(SCALES[channel]) - 1e-9))


def heading(channel: str) -> str:
    """The channel's name with its unit: `heart_rate [bpm]`."""
    unit = UNITS[channel]
    return f"{channel} [{unit}]" if unit and unit != "1" else channel


def values(channel: str, integers: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """The column in the channel's unit, shape (n,)."""
    return np.asarray(integers / SCALES[channel], np.float64)


def texts(channel: str, integers: npt.NDArray[np.int32]) -> list[str]:
    """The column as text without trailing zeros, in the channel's unit."""
    places = decimals(channel)
    if not places:
        return [str(integer) for integer in integers.tolist()]
    return [_trimmed(f"{value:.{places}f}") for value in values(channel, integers).tolist()]


def cells(table: SampleTable, channel: str, rows: slice) -> list[str]:
    """The same for some rows of a table; empty where nothing was measured."""
    written = texts(channel, table.columns[channel][rows])
    valid = table.validity[channel]
    if valid is None:
        return written
    return [text if present else "" for text, present in zip(written, valid[rows].tolist(), strict=True)]


def _trimmed(text: str) -> str:
    trimmed = text.rstrip("0").rstrip(".")
    return "0" if trimmed == "-0" else trimmed
