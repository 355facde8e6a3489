"""The fields of the contract's `Thresholds`, by number and by name: what the history is kept by."""

from __future__ import annotations

from collections.abc import Mapping

from pulsemesh.workout.v1 import analysis_pb2

NAMES: Mapping[int, str] = {field.number: field.name for field in analysis_pb2.Thresholds.DESCRIPTOR.fields}
NUMBERS: Mapping[str, int] = {name: number for number, name in NAMES.items()}

_SEX = "sex"


def values_of(message: analysis_pb2.Thresholds) -> dict[int, float]:
    """The values that are given, by the number of their field."""
    given = {field.number: float(value) for field, value in message.ListFields()}
    return {number: value for number, value in given.items() if number in NAMES}


def message_of(values: Mapping[int, float]) -> analysis_pb2.Thresholds:
    """The contract's message of such values."""
    message = analysis_pb2.Thresholds()
    for number, value in values.items():
        name = NAMES[number]
        if name == _SEX:
            message.sex = analysis_pb2.Sex.ValueType(round(value))
        else:
            setattr(message, name, value)
    return message
