"""Integers to byte planes and back: differences, zigzag, transposed bytes.

Neighbouring samples are alike, so their differences are small; zigzag makes small negative numbers small
unsigned ones; and with all lowest bytes side by side, then all second bytes, the high planes are nearly
all zero, which a general compressor turns into almost nothing. All arithmetic is modulo 2^bits, so that no
input overflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Unsigned = NDArray[np.unsignedinteger[Any]]  # uint32 or uint64
Bytes = NDArray[np.uint8]

MAX_ORDER = 2


def differences(values: Unsigned, order: int) -> tuple[Unsigned, list[int]]:
    """Differences of `values`, `order` times over, modulo 2^bits.

    Returns:
        The differences, shape (n - order,) or empty, and the first value of each order, for `integrate`.
    """
    seeds: list[int] = []
    for _ in range(order):
        if len(values):
            seeds.append(int(values[0]))
            values = values[1:] - values[:-1]
    return values, seeds


def integrate(values: Unsigned, seeds: list[int]) -> Unsigned:
    """Undo `differences`: the values, shape (n + len(seeds),)."""
    for seed in reversed(seeds):
        whole = np.empty(len(values) + 1, values.dtype)
        whole[0] = seed
        whole[1:] = values
        values = np.cumsum(whole, dtype=values.dtype)
    return values


def zigzag(values: Unsigned) -> Unsigned:
    """Signed values, given as unsigned of the same bits, to unsigned: 0, -1, 1, -2 become 0, 1, 2, 3."""
    signed: NDArray[np.signedinteger[Any]] = values.view(np.int32 if values.dtype == np.uint32 else np.int64)
    top = values.dtype.itemsize * 8 - 1
    folded: Unsigned = (values << values.dtype.type(1)) ^ (signed >> top).view(values.dtype)
    return folded


def unzigzag(values: Unsigned) -> Unsigned:
    """Undo `zigzag`."""
    one = values.dtype.type(1)
    unfolded: Unsigned = (values >> one) ^ (np.zeros(1, values.dtype) - (values & one))
    return unfolded


def cost_bits(values: Unsigned) -> float:
    """About how many bits `values` need when each is stored in as few as it can be."""
    # The exponent of a float is the position of the highest bit: much cheaper than a logarithm.
    return float(np.frexp(zigzag(values).astype(np.float64))[1].sum())


def split_planes(values: Unsigned) -> Bytes:
    """The bytes of `values` by significance, lowest first, without the high planes that are all zero.

    Returns:
        uint8, shape (planes, n).
    """
    width = values.dtype.itemsize
    largest = int(values.max()) if len(values) else 0
    planes = (largest.bit_length() + 7) // 8
    octets = values.astype(values.dtype.newbyteorder("<"), copy=False).view(np.uint8).reshape(-1, width)
    return np.ascontiguousarray(octets.T[:planes])


def join_planes(planes: Bytes, dtype: np.dtype[np.uint32] | np.dtype[np.uint64]) -> Unsigned:
    """Undo `split_planes`: shape (planes, n) to (n,) of `dtype`."""
    octets = np.zeros((planes.shape[1], dtype.itemsize), np.uint8)
    octets[:, : planes.shape[0]] = planes.T
    joined: Unsigned = octets.reshape(-1).view(dtype.newbyteorder("<")).astype(dtype, copy=False)
    return joined
