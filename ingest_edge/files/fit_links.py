"""The outer layer of a FIT file: headers, sizes and checksums of the files that are chained in one.

A FIT file is one link or several, each with a header, data and a checksum of its own, and nothing that is
declared in one link holds in the next.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.fit_crc import fit_crc

_SIGNATURE = b".FIT"
_MIN_HEADER = 12
_HEADER_WITH_CRC = 14
_CRC_SIZE = 2


@dataclass(frozen=True, slots=True)
class FitLink:
    """One link: its messages lie from `data_offset` to `data_end` of the whole file's `content`."""

    content: bytes
    data_offset: int
    data_end: int
    losses: tuple[Loss, ...]

    @property
    def data(self) -> bytes:
        """The bytes of the messages."""
        return self.content[self.data_offset : self.data_end]


def split_links(content: bytes) -> Iterator[FitLink]:
    """The links of a file, damage noted, in order.

    Raises `UnreadableFile` where not even the first header is one.
    """
    if not _header_at(content, 0):
        raise UnreadableFile(_why_no_header(content), 0)
    offset = 0
    while True:
        link, end = _link_at(content, offset)
        if end >= len(content) or _header_at(content, end):
            yield link
        else:
            trailing = Loss(end, f"{len(content) - end} bytes follow the end of the file")
            yield replace(link, losses=(*link.losses, trailing))
            return
        if end >= len(content):
            return
        offset = end


def _header_at(content: bytes, offset: int) -> bool:
    return (
        len(content) >= offset + _MIN_HEADER
        and content[offset] >= _MIN_HEADER
        and content[offset + 8 : offset + 12] == _SIGNATURE
    )


def _why_no_header(content: bytes) -> str:
    if not content:
        return "an empty file"
    if len(content) < _MIN_HEADER:
        return "cut off within the header"
    return "not a FIT file"


def _link_at(content: bytes, offset: int) -> tuple[FitLink, int]:
    """The link that begins at `offset`, and where the next one would begin."""
    losses = list(_header_losses(content, offset))
    data_offset = min(offset + content[offset], len(content))
    declared = struct.unpack_from("<I", content, offset + 4)[0]
    if declared == 0 and data_offset + _CRC_SIZE < len(content):
        if _header_at(content, data_offset + _CRC_SIZE):
            return FitLink(content, data_offset, data_offset, tuple(losses)), data_offset + _CRC_SIZE
        losses.append(Loss(offset + 4, "the header declares no data: read to the end of the file"))
        declared = len(content) - data_offset
    elif data_offset + declared > len(content):
        missing = data_offset + declared - len(content)
        losses.append(Loss(len(content), f"cut off: {missing} bytes of {declared} are missing"))
    else:
        losses += _checksum_losses(content, offset, data_offset + declared)
        end = data_offset + declared
        return FitLink(content, data_offset, end, tuple(losses)), min(end + _CRC_SIZE, len(content))
    end = _end_without_checksum(content, offset, data_offset)
    return FitLink(content, data_offset, end, tuple(losses)), len(content)


def _header_losses(content: bytes, offset: int) -> Iterator[Loss]:
    if content[offset] < _HEADER_WITH_CRC or len(content) < offset + _HEADER_WITH_CRC:
        return
    stored = struct.unpack_from("<H", content, offset + _MIN_HEADER)[0]
    # A zero header checksum is legal: "not computed".
    if stored and stored != fit_crc(content[offset : offset + _MIN_HEADER]):
        yield Loss(offset + _MIN_HEADER, "the header's checksum is wrong")


def _checksum_losses(content: bytes, offset: int, end: int) -> Iterator[Loss]:
    if end + _CRC_SIZE > len(content):
        yield Loss(end, "cut off: the checksum is missing")
        return
    stored = struct.unpack_from("<H", content, end)[0]
    if stored != fit_crc(memoryview(content)[offset:end]):
        yield Loss(end, "the checksum is absent (zero)" if stored == 0 else "the checksum is wrong")


def _end_without_checksum(content: bytes, offset: int, data_offset: int) -> int:
    """Where the data ends if the declared size cannot be trusted: a checksum that fits marks the end."""
    end = len(content) - _CRC_SIZE
    if end >= data_offset and struct.unpack_from("<H", content, end)[0] == fit_crc(
        memoryview(content)[offset:end]
    ):
        return end
    return len(content)
