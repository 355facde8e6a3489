"""How the bytes of a file are laid out, apart from what they say."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.files.fit_encoder.definitions import Endian
from ingest_edge.files.fit_encoder.writer import Checksum


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the file is laid out; what it says stays the same.

    `plain_fields` writes altitude and speed in the 16-bit fields of old devices in place of the enhanced
    ones. `redefine_every` repeats the record's definition after so many records. `flip_endian` makes every
    other one of these definitions use the other byte order.
    """

    endian: Endian = "<"
    header_size: int = 14
    record_local: int = 0
    plain_fields: bool = False
    compressed_timestamps: bool = False
    redefine_every: int | None = None
    flip_endian: bool = False
    checksum: Checksum = "good"
    header_checksum: Checksum = "good"
