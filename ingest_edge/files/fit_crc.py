"""The checksum of FIT files: CRC-16/ARC (polynomial x¹⁶+x¹⁵+x²+1, reflected, starting at zero)."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

_REFLECTED_POLYNOMIAL = 0xA001

# x has order 32,767 modulo the polynomial, so shifting a message by that many bytes (8 × 32,767 bits) changes
# nothing: blocks of that size can be XORed into one before anything slower runs.
_PERIOD = 32_767

_SMALL = 2048
"""Bytes up to which a loop over words is quicker than arrays."""

Words = npt.NDArray[np.uint16]


@cache
def _after_words(power: int) -> Words:
    """The CRC register after 2^power zero words, for each value that it can have before."""
    if power:
        half = _after_words(power - 1)
        return half[half]
    states = np.arange(1 << 16, dtype=np.uint16)
    for _ in range(16):
        odd = (states & 1).astype(np.bool_)
        states = (states >> 1).astype(np.uint16)
        states[odd] ^= _REFLECTED_POLYNOMIAL
    return states


@cache
def _after_word() -> list[int]:
    listed: list[int] = _after_words(0).tolist()
    return listed


def fit_crc(content: bytes | memoryview) -> int:
    """The CRC of these bytes."""
    if len(content) <= _SMALL:
        # Leading zeros do not change a CRC that starts at zero.
        return _looped(b"\0" + bytes(content) if len(content) % 2 else content)
    return _halved(_folded(content))


def _looped(content: bytes | memoryview) -> int:
    after, crc = _after_word(), 0
    for word in struct.unpack(f"<{len(content) // 2}H", content):
        crc = after[crc ^ word]
    return crc


def _folded(content: bytes | memoryview) -> Words:
    """Words with the same CRC, aligned at the end."""
    octets: npt.NDArray[Any] = np.frombuffer(content, np.uint8)
    if len(octets) > 2 * _PERIOD:
        head = len(octets) % _PERIOD
        folded = np.bitwise_xor.reduce(octets[head:].reshape(-1, _PERIOD), axis=0)
        if head:
            folded[_PERIOD - head :] ^= octets[:head]
        octets = folded
    if len(octets) % 2:
        octets = np.concatenate((np.zeros(1, np.uint8), octets))
    words: Words = octets.view("<u2")
    return words


def _halved(words: Words) -> int:
    """Each word is a register of its own; two neighbours become one until one is left."""
    power = 0
    while len(words) > 1:
        if len(words) % 2:
            words = np.concatenate((np.zeros(1, np.uint16), words))
        words = _after_words(power).take(words[::2]) ^ words[1::2]
        power += 1
    return int(_after_words(0)[words[0]])
