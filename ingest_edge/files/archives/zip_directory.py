"""The directory of a zip file, read as a stream: memory does not grow with the number of members.

Written from PKWARE's APPNOTE 6.3.10: sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to
4.3.16 (its end, zip64 included) and 4.4.4 (general purpose flags).
"""

from __future__ import annotations

import io
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import Member, Packing

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\5\6"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\6\7"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MARK = b"PK\6\6"
_ENTRY = struct.Struct("<4s2B5H3L5H2L")
_ENTRY_MARK = b"PK\1\2"
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MARK = b"PK\3\4"
_MAX_COMMENT = 0xFFFF
_ENCRYPTED, _UTF8, _MASKED = 0x1, 0x800, 0x2000
_UNIX = 3
_PACKINGS = {0: Packing.STORED, 8: Packing.DEFLATE, 12: Packing.BZIP2}


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One entry of the directory."""

    name: str
    flags: int
    method: int
    crc32: int
    packed_bytes: int
    size_bytes: int
    header_offset: int
    mode: int
    """The Unix mode of the file, 0 where the archive was not made on Unix."""


@dataclass(frozen=True, slots=True)
class _Bounds:
    start: int
    length: int
    count: int
    shift: int
    """Bytes in front of the archive, of a self-extracting one for example."""


class ZipDirectory:
    """The members of a zip file, after a first look over all of them.

    Raises:
        ArchiveRefused: there is no directory, it is damaged, its members overlap, or there is too much.
    """

    def __init__(self, container: BinaryIO, limits: ArchiveLimits) -> None:
        self._container = container
        self._bounds = _find_directory(container)
        self.count = self._survey(limits)

    def __iter__(self) -> Iterator[ZipEntry]:
        reader = _Blocks(self._container, self._bounds.start, self._bounds.length)
        for _ in range(self._bounds.count):
            yield _entry(reader, self._bounds.shift)

    def member(self, entry: ZipEntry) -> Member:
        """See `member_of`."""
        return member_of(self._container, entry)

    def _survey(self, limits: ArchiveLimits) -> int:
        count = self._bounds.count
        if count > limits.max_members:
            raise ArchiveRefused(
                ArchiveFault.TOO_MANY_MEMBERS, f"{count} members; {limits.max_members} are read"
            )
        if count * _ENTRY.size > self._bounds.length:
            raise ArchiveRefused(ArchiveFault.DAMAGED, "the directory is shorter than its entries")
        spans = np.empty((count, 2), np.int64)
        total = 0
        for index, entry in enumerate(self):
            spans[index] = entry.header_offset, entry.header_offset + _LOCAL.size + entry.packed_bytes
            total += entry.size_bytes
        if total > limits.max_total_bytes:
            raise ArchiveRefused(ArchiveFault.TOO_LARGE, f"{total} bytes when unpacked")
        ordered = spans[np.argsort(spans[:, 0], kind="stable")]
        if np.any(ordered[:-1, 1] > ordered[1:, 0]):
            raise ArchiveRefused(ArchiveFault.OVERLAPPING_MEMBERS, "its members overlap")
        if count and int(ordered[-1, 1]) > self._bounds.start:
            raise ArchiveRefused(ArchiveFault.DAMAGED, "a member lies outside of the archive")
        return count


def member_of(container: BinaryIO, entry: ZipEntry) -> Member:
    """Where the entry's bytes are.

    Raises:
        ArchiveRefused: it is encrypted, packed in an unknown way, no file, or has no header.
    """
    if entry.flags & (_ENCRYPTED | _MASKED):
        raise ArchiveRefused(ArchiveFault.ENCRYPTED, "is encrypted")
    if entry.method not in _PACKINGS:
        raise ArchiveRefused(
            ArchiveFault.UNSUPPORTED_COMPRESSION, f"compression method {entry.method} is not supported"
        )
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
        raise ArchiveRefused(ArchiveFault.NOT_A_FILE, "is not a plain file")
    container.seek(entry.header_offset)
    header = container.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MARK):
        raise ArchiveRefused(ArchiveFault.DAMAGED, "has no header where the directory says")
    name_length, extra_length = _LOCAL.unpack(header)[-2:]
    return Member(
        entry.name,
        _PACKINGS[entry.method],
        entry.header_offset + _LOCAL.size + name_length + extra_length,
        entry.packed_bytes,
        entry.size_bytes,
        entry.crc32,
    )


class _Blocks:
    """Reads a stretch in order, a block at a time."""

    def __init__(self, container: BinaryIO, start: int, length: int) -> None:
        self._container = container
        self._position = start
        self._end = start + length
        self._buffer = b""

    def take(self, count: int) -> bytes:
        if len(self._buffer) < count:
            self._container.seek(self._position)
            block = self._container.read(min(max(count, 1 << 16), self._end - self._position))
            self._position += len(block)
            self._buffer += block
        if len(self._buffer) < count:
            raise ArchiveRefused(ArchiveFault.DAMAGED, "the directory ends within an entry")
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


def _entry(reader: _Blocks, shift: int) -> ZipEntry:
    (mark, _, system, _, flags, method, _, _, crc, packed, size, name_length, extra_length, *rest) = (
        _ENTRY.unpack(reader.take(_ENTRY.size))
    )
    comment_length, _, _, attributes, offset = rest
    if mark != _ENTRY_MARK:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "the directory is damaged")
    name = reader.take(name_length)
    extra = reader.take(extra_length)
    reader.take(comment_length)
    size, packed, offset = _zip64(extra, size, packed, offset)
    mode = attributes >> 16 if system == _UNIX else 0
    return ZipEntry(_name(name, flags), flags, method, crc, packed, size, offset + shift, mode)


def _zip64(extra: bytes, *values: int) -> tuple[int, ...]:
    """The values that do not fit into 32 bits stand in the extra field 1, in their order."""
    wide: list[int] = []
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            body = extra[4 : 4 + length]
            wide = [int(number) for (number,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
            break
        extra = extra[4 + length :]
    found = iter(wide)
    try:
        real = tuple(next(found) if value == 0xFFFFFFFF else value for value in values)
    except (StopIteration, RuntimeError):
        raise ArchiveRefused(ArchiveFault.DAMAGED, "a large entry lacks its size") from None
    if max(real) >= 1 << 62:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "an entry has an impossible size")
    return real


def _name(raw: bytes, flags: int) -> str:
    """Many tools write UTF-8 without saying so; what is no UTF-8 is code page 437, which has every byte."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")
    return name.replace("\\", "/")


def _find_directory(container: BinaryIO) -> _Bounds:
    size = container.seek(0, io.SEEK_END)
    start = max(size - _END.size - _MAX_COMMENT, 0)
    container.seek(start)
    tail = container.read(size - start)
    index = tail.rfind(_END_MARK)
    if index < 0 or len(tail) - index < _END.size:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "no directory at its end: cut off, or not a zip file")
    _, disk, directory_disk, _, count, length, offset, _ = _END.unpack_from(tail, index)
    end = start + index
    if 0xFFFF in (count, disk) or 0xFFFFFFFF in (length, offset):
        count, length, offset, end = _find_directory64(container, end) or (count, length, offset, end)
    elif disk or directory_disk:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "a part of an archive in several parts")
    shift = end - length - offset
    if shift < 0:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "the directory lies outside of the archive")
    return _Bounds(offset + shift, length, count, shift)


def _find_directory64(container: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Count, length, offset of the directory, and where it ends, where there is a zip64 record."""
    if end < _LOCATOR.size:
        return None
    container.seek(end - _LOCATOR.size)
    mark, _, position, _ = _LOCATOR.unpack(container.read(_LOCATOR.size))
    if mark != _LOCATOR_MARK:
        return None
    # Bytes in front of the archive move the record; it ends where the locator begins.
    for place in (end - _LOCATOR.size - _END64.size, position):
        if not 0 <= place <= end - _LOCATOR.size - _END64.size:
            continue
        container.seek(place)
        mark, _, _, _, _, _, _, count, length, offset = _END64.unpack(container.read(_END64.size))
        if mark == _END64_MARK:
            return count, length, offset, place
    raise ArchiveRefused(ArchiveFault.DAMAGED, "the directory's zip64 end is missing")
