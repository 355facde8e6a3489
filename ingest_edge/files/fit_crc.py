"""The checksum of FIT files: CRC-16/ARC (polynomial x¹⁶+x¹⁵+x²+1, reflected, starting at zero)."""

from __future__ import annotations

import numpy as np

_REFLECTED_POLYNOMIAL = 0xA001

# x has order 32,767 modulo the polynomial, so shifting a message by 32,767 bytes (8 × 32,767 bits) changes
# nothing: blocks of that size can be XORed into one before the slow byte loop runs.
_PERIOD = 32_767


def _table() -> tuple[int, ...]:
    entries = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = (value >> 1) ^ (_REFLECTED_POLYNOMIAL if value & 1 else 0)
        entries.append(value)
    return tuple(entries)


_TABLE = _table()


def fit_crc(content: bytes | memoryview) -> int:
    """The CRC of these bytes, in time that grows with 32 KiB rather than with the file."""
    crc = 0
    for byte in _folded(content):
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def _folded(content: bytes | memoryview) -> bytes | memoryview:
    """A block with the same CRC. Leading zeros do not change a CRC that starts at zero: align at the end."""
    if len(content) <= 2 * _PERIOD:
        return content
    octets = np.frombuffer(content, np.uint8)
    head = len(octets) % _PERIOD
    folded = np.bitwise_xor.reduce(octets[head:].reshape(-1, _PERIOD), axis=0)
    if head:
        folded[_PERIOD - head :] ^= octets[:head]
    return bytes(folded)
