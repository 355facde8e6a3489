"""Packed fields made by numpy are those that protobuf makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.workout.v1 import workout_pb2
from services.workout.codec.varints import packed_sint32_field

NUMBER = workout_pb2.StreamColumn.DELTAS_FIELD_NUMBER


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
@settings(deadline=None)
def test_a_packed_field_is_what_protobuf_writes(values: list[int]) -> None:
    assert (
        packed_sint32_field(NUMBER, np.array(values, np.int32))
        == workout_pb2.StreamColumn(deltas=values).SerializeToString()
    )


@pytest.mark.parametrize("bits", range(32))
def test_every_width_of_number_is_right(bits: int) -> None:
    values = [2**bits - 1, -(2**bits), 0]
    assert (
        packed_sint32_field(NUMBER, np.array(values, np.int32))
        == workout_pb2.StreamColumn(deltas=values).SerializeToString()
    )


def test_a_long_field_has_a_long_length() -> None:
    values = list(range(-5_000, 5_000))
    assert (
        packed_sint32_field(NUMBER, np.array(values, np.int32))
        == workout_pb2.StreamColumn(deltas=values).SerializeToString()
    )
