"""Packed `sint32` fields straight from numpy: several times as fast as a list of Python integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LENGTH_DELIMITED = 2
_PAYLOAD_BITS = 7


def packed_sint32_field(number: int, values: NDArray[np.int32]) -> bytes:
    """The wire form of a packed repeated `sint32` field, for `Message.MergeFromString`; empty for no values.

    Args:
        number: the field's number.
        values: int32, shape (n,).
    """
    if not len(values):
        return b""
    packed = packed_varints(_zigzag(values))
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(packed)) + packed


def packed_varints(values: NDArray[np.uint32]) -> bytes:
    """Base-128 varints of uint32 values, one after the other."""
    largest = int(values.max()) if len(values) else 0
    width = max((largest.bit_length() + _PAYLOAD_BITS - 1) // _PAYLOAD_BITS, 1)
    if width == 1:
        return values.astype(np.uint8).tobytes()
    groups = np.empty((len(values), width), np.uint8)
    used = np.empty((len(values), width), np.bool_)
    used[:, 0] = True
    remaining = values
    for index in range(width):
        groups[:, index] = remaining & 0x7F
        remaining = remaining >> np.uint32(_PAYLOAD_BITS)
        if index + 1 < width:
            np.not_equal(remaining, 0, out=used[:, index + 1])
            groups[:, index] |= used[:, index + 1].view(np.uint8) << np.uint8(_PAYLOAD_BITS)
    return groups[used].tobytes()


def _zigzag(values: NDArray[np.int32]) -> NDArray[np.uint32]:
    return ((values << 1) ^ (values >> 31)).view(np.uint32)


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= _PAYLOAD_BITS
    octets.append(value)
    return bytes(octets)
