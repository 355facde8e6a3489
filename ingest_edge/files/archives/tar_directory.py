"""The members of a tar file, in their order, with bounded headers.

Written from POSIX.1-2017, `pax` (ustar interchange format and extended headers), with GNU's long names and
base-256 sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import Member, Packing

BLOCK = 512
_MAX_EXTENDED = 1 << 20
_FILES = {b"0", b"\0", b"7"}
_LONG_NAME, _EXTENDED = b"L", {b"x", b"X"}


def looks_like_tar(head: bytes) -> bool:
    """Whether these first bytes begin a tar file."""
    return len(head) >= BLOCK and _checksum_holds(head[:BLOCK]) and any(head[:BLOCK])


def tar_members(container: BinaryIO, limits: ArchiveLimits) -> Iterator[tuple[Member, bool]]:
    """The members, each with whether it is a plain file.

    Raises:
        ArchiveRefused: a header is damaged (the members before it were given out), or there is too much.
    """
    position = count = total = 0
    name, size = "", -1
    while any(header := _read(container, position, BLOCK)):
        if len(header) < BLOCK or not _checksum_holds(header):
            raise ArchiveRefused(ArchiveFault.DAMAGED, f"a damaged header at byte {position}")
        kind, length = header[156:157], _number(header[124:136])
        position += BLOCK
        if kind == _LONG_NAME or kind in _EXTENDED:
            if length > _MAX_EXTENDED:
                raise ArchiveRefused(ArchiveFault.BOMB, f"an extended header of {length} bytes")
            extended = _read(container, position, length)
            if kind == _LONG_NAME:
                name = _text(extended.rstrip(b"\0"))
            else:
                name, size = _pax(extended, name, size)
        else:
            length = length if size < 0 else size
            count, total = count + 1, total + length
            _require_modest(count, total, limits)
            yield (
                Member(name or _ustar_name(header), Packing.STORED, position, length, length, -1),
                kind in _FILES,
            )
            name, size = "", -1
        position += -(-length // BLOCK) * BLOCK


def _require_modest(count: int, total: int, limits: ArchiveLimits) -> None:
    if count > limits.max_members:
        raise ArchiveRefused(ArchiveFault.TOO_MANY_MEMBERS, f"more than {limits.max_members} members")
    if total > limits.max_total_bytes:
        raise ArchiveRefused(ArchiveFault.TOO_LARGE, f"more than {limits.max_total_bytes} bytes")


def _read(container: BinaryIO, position: int, length: int) -> bytes:
    container.seek(position)
    return container.read(length)


def _checksum_holds(header: bytes) -> bool:
    try:
        expected = _number(header[148:156])
    except ArchiveRefused:
        return False
    return sum(header) - sum(header[148:156]) + 8 * 0x20 == expected


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    try:
        value = int(text, 8) if text else 0
    except ValueError:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "a header whose size is no number") from None
    if value < 0:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "a header with a negative size")
    return value


def _ustar_name(header: bytes) -> str:
    name = _text(header[:100].split(b"\0", 1)[0])
    prefix = _text(header[345:500].split(b"\0", 1)[0]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _pax(records: bytes, name: str, size: int) -> tuple[str, int]:
    """The name and the size that an extended header gives, else those of before."""
    while records:
        length_text, _, rest = records.partition(b" ")
        if not length_text.isdigit() or not 0 < int(length_text) <= len(records):
            break
        length = int(length_text)
        key, _, value = rest[: length - len(length_text) - 2].partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 19:
            size = int(value)
        records = records[length:]
    return name, size


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
