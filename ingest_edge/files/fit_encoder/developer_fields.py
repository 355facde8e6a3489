"""Developer fields: what the profile has no field for, described in the file itself.

A `developer_data_id` message names the application, a `field_description` each field: its name, unit and base
type. Readers that know nothing of the application show the values under that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.channels import SCALES, UNITS
from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.definitions import (
    DeveloperFitField,
    Endian,
    FitDefinition,
    FitField,
    Value,
)

APPLICATION_ID = bytes.fromhex("50756c73656d6573682d6368616e6e65")
"""Sixteen bytes that say whose fields these are: all files of ours carry the same."""

DEVELOPER_DATA_ID = 207
FIELD_DESCRIPTION = 206
_RECORD = 20


@dataclass(frozen=True, slots=True)
class DeveloperChannel:
    """A channel as a developer field of the record message.

    Attributes:
        values: in the channel's unit, shape (n,).
    """

    name: str
    unit: str
    field: DeveloperFitField
    values: npt.NDArray[Any]


def developer_channel(name: str, number: int, integers: npt.NDArray[np.int64]) -> DeveloperChannel:
    """The developer field that holds a channel's integers without loss, in the smallest type that can.

    It is a floating-point type always: Garmin's own SDK does not know the absent integers of developer
    fields, and shows them as huge numbers, where an absent float is NaN to everybody.
    """
    scale, unit = SCALES[name], UNITS[name]
    values = integers / scale
    single = values.astype(np.float32)
    exact = np.array_equal(np.rint(single.astype(np.float64) * scale), integers)
    kind = BaseType.FLOAT32 if exact else BaseType.FLOAT64
    return DeveloperChannel(name, unit, DeveloperFitField(0, number, kind), single if exact else values)


def describe_developer(local: int, endian: Endian) -> bytes:
    """The definition and message that say whose developer fields the file has: developer 0 is ours."""
    definition = FitDefinition(
        local,
        DEVELOPER_DATA_ID,
        (FitField(1, BaseType.BYTE, 16), FitField(3, BaseType.UINT8), FitField(4, BaseType.UINT32)),
        endian,
    )
    return definition.encode_definition() + definition.encode({1: list(APPLICATION_ID), 3: 0, 4: 1})


def describe_field(
    local: int,
    endian: Endian,
    field: DeveloperFitField,
    name: str,
    unit: str,
    *,
    native_message: int = _RECORD,
    native_field: int | None = None,
) -> bytes:
    """The definition and message that describe one developer field.

    `native_field` is the field of the profile that it stands in for, if there is one.
    """
    label, units = name.encode() + b"\0", unit.encode() + b"\0"
    definition = FitDefinition(
        local,
        FIELD_DESCRIPTION,
        (
            FitField(0, BaseType.UINT8),
            FitField(1, BaseType.UINT8),
            FitField(2, BaseType.UINT8),
            FitField(3, BaseType.STRING, len(label)),
            FitField(8, BaseType.STRING, len(units)),
            FitField(14, BaseType.UINT16),
            FitField(15, BaseType.UINT8),
        ),
        endian,
    )
    values: dict[int, Value] = {
        0: field.developer,
        1: field.number,
        2: field.base_type.code,
        3: label,
        8: units,
        14: native_message,
        15: native_field,
    }
    return definition.encode_definition() + definition.encode(values)
