"""Reading files by their location, wherever that is. Opened archives are kept at hand, a few at a time."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import UNOPENED_OFFSET, Location, Member, Packing
from ingest_edge.files.archives.streams import Window, pieces, read_whole
from ingest_edge.files.archives.zip_directory import ZipDirectory, ZipEntry, member_of

_KEPT_OPEN = 6
_IN_MEMORY_BYTES = 8 * 1024**2
_LEFT_FREE_BYTES = 256 * 1024**2


class ArchiveReader:
    """Gives the bytes of files on the disk and of members of archives. Blocks; threads take turns.

    An archive within an archive is read where it lies if it was stored as it is; a compressed one is unpacked
    into a nameless temporary file in `scratch`, which goes with the process, whatever ends it.

    Args:
        scratch: a folder on a real disk, made where there is none; the system's own where it is None.
    """

    def __init__(self, limits: ArchiveLimits | None = None, scratch: Path | None = None) -> None:
        self._limits = limits or ArchiveLimits()
        self._scratch = scratch
        self._turn = threading.Lock()
        self._directory: tuple[Location | None, dict[str, ZipEntry]] = (None, {})
        self._open: OrderedDict[Location, BinaryIO] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open. The object can be used again afterwards."""
        with self._turn:
            self._directory = (None, {})
            while self._open:
                self._open.popitem()[1].close()

    def read(self, location: Location, limit: int | None = None) -> bytes:
        """The bytes of a file: of a member uncompressed, of a file on the disk as they are.

        Raises:
            ArchiveRefused: there are more than `limit` (by default the limit of a device file), or the
                archive is damaged or not the one that was listed.
            OSError: the file cannot be read.
        """
        limit = self._limits.max_member_bytes if limit is None else limit
        if location.members and location.members[-1].offset == UNOPENED_OFFSET:
            raise ArchiveRefused(ArchiveFault.DAMAGED, "was not opened")
        if not location.members:
            return _read_file(location.path, limit)
        with self._turn:
            return read_whole(self._container(location.container), location.members[-1], limit, self._limits)

    def member_named(self, archive: Location, name: str) -> Member | None:
        """The member of that name in a zip file; None where there is none. One directory is remembered.

        Raises:
            ArchiveRefused, OSError: the archive cannot be read.
        """
        with self._turn:
            if self._directory[0] != archive:
                directory = ZipDirectory(self._container(archive), self._limits)
                self._directory = archive, {entry.name: entry for entry in directory}
            entry = self._directory[1].get(name)
            if entry is None:
                return None
            return member_of(self._container(archive), entry)

    def _container(self, location: Location) -> BinaryIO:
        """An archive, opened; the one that it lies in is opened first, and outlives it in the cache."""
        known = self._open.get(location)
        if known is not None:
            self._touch(location)
            return known
        opened: BinaryIO
        if location.members:
            container = self._container(location.container)
            opened = unpacked(container, location.members[-1], self._limits, self._scratch)
        else:
            opened = location.path.open("rb")
        self._open[location] = opened
        self._touch(location)
        self._evict()
        return opened

    def _touch(self, location: Location) -> None:
        """Mark an archive and those around it as used just now, the outermost last."""
        while True:
            self._open.move_to_end(location)
            if not location.members or location.container not in self._open:
                return
            location = location.container

    def _evict(self) -> None:
        while len(self._open) > _KEPT_OPEN:
            self._open.popitem(last=False)[1].close()


def unpacked(container: BinaryIO, member: Member, limits: ArchiveLimits, scratch: Path | None) -> BinaryIO:
    """A member that is an archive itself, as a seekable file.

    Raises:
        ArchiveRefused: it is damaged, too large, or there is no room for it on the disk.
    """
    if member.packing is Packing.STORED:
        if member.offset + member.packed_bytes > container.seek(0, io.SEEK_END):
            raise ArchiveRefused(ArchiveFault.DAMAGED, "the archive ends within it")
        return io.BufferedReader(Window(container, member.offset, member.packed_bytes))
    folder = None if scratch is None else str(scratch)
    if scratch is not None:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_disk(scratch, max(member.size_bytes, 0))
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=folder))  # noqa: SIM115
    try:
        written = 0
        for piece in pieces(container, member, limits.max_nested_bytes, limits):
            written += len(piece)
            if written % _IN_MEMORY_BYTES < len(piece):
                _require_disk(scratch, 0)
            copy.write(piece)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def _require_disk(scratch: Path | None, wanted: int) -> None:
    free = shutil.disk_usage(scratch or tempfile.gettempdir()).free
    if free < wanted + _LEFT_FREE_BYTES:
        raise ArchiveRefused(ArchiveFault.TOO_LARGE, "too little room on the disk to read the archive inside")


def _read_file(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ArchiveRefused(ArchiveFault.TOO_LARGE, f"larger than {limit} bytes")
    return content
