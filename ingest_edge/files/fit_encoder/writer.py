"""A FIT file out of definitions and messages: the header before them, the checksum behind them."""

from __future__ import annotations

import struct
from typing import Literal

from ingest_edge.files.fit_crc import fit_crc
from ingest_edge.files.fit_encoder.definitions import FitDefinition

Checksum = Literal["good", "zero", "bad"]

_PROTOCOL_VERSION = 0x20
_PROFILE_VERSION = 21218


class FitWriter:
    """Collects definitions and messages and makes a file of them."""

    def __init__(self, *, header_size: int = 14) -> None:
        if header_size < 12:
            raise ValueError("a FIT header has 12 bytes at least")
        self._header_size = header_size
        self._parts: list[bytes] = []

    def define(self, definition: FitDefinition) -> None:
        """Announce a definition; it replaces what its local number meant before."""
        self._parts.append(definition.encode_definition())

    def write(self, content: bytes) -> None:
        """Append encoded messages, or any bytes a test wants in their place."""
        self._parts.append(content)

    def to_bytes(
        self,
        *,
        checksum: Checksum = "good",
        header_checksum: Checksum = "good",
        data_size: int | None = None,
    ) -> bytes:
        """The file. `data_size` overrides the true one in the header, as a crashed device leaves it."""
        data = b"".join(self._parts)
        size = len(data) if data_size is None else data_size
        header = struct.pack("<BBHI4s", self._header_size, _PROTOCOL_VERSION, _PROFILE_VERSION, size, b".FIT")
        if self._header_size >= 14:
            header += _checksum_bytes(header, header_checksum)
        header = header.ljust(self._header_size, b"\0")
        return header + data + _checksum_bytes(header + data, checksum)


def _checksum_bytes(content: bytes, checksum: Checksum) -> bytes:
    if checksum == "zero":
        return b"\0\0"
    value = fit_crc(content)
    if checksum == "bad":
        # Neither right nor zero: zero means "not computed".
        value = value ^ 0x5555 or 0xAAAA
    return struct.pack("<H", value)
