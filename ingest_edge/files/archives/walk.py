"""Going through an archive: what is in it that matters, and what is not opened and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import UNOPENED_OFFSET, Location, Member, Packing
from ingest_edge.files.archives.reader import unpacked
from ingest_edge.files.archives.streams import pieces
from ingest_edge.files.archives.tar_directory import BLOCK, looks_like_tar, tar_members
from ingest_edge.files.archives.zip_directory import ZipDirectory, ZipEntry
from ingest_edge.files.kinds import ARCHIVED_SUFFIX, FoundKind, kind_of_name
from ingest_edge.files.pulsemesh_archive import DERIVATIONS, FORMAT, MANIFEST

_ZIP_MARKS = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
_GZIP_MARK = b"\x1f\x8b"
_DRIVE = re.compile(r"^[A-Za-z]:")
_LONGEST_NAME = 4096
_OUR_FORMAT = re.compile(rb'"format"\s*:\s*"' + re.escape(FORMAT.encode()) + b'"')


@dataclass(frozen=True, slots=True)
class Found:
    """A member and what its name says that it is."""

    kind: FoundKind
    location: Location

    @property
    def size_bytes(self) -> int:
        """Uncompressed, as the archive says."""
        return self.location.members[-1].size_bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An archive, or a member that looked like a device file or an archive, that is not opened."""

    location: Location
    fault: ArchiveFault
    reason: str


def is_archive(path: Path) -> bool:
    """Whether a file is an archive, by its first bytes; a compressed one by its name as well.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    if head.startswith(_GZIP_MARK) or not head:
        return kind_of_name(path.name) is FoundKind.ARCHIVE
    return head.startswith(_ZIP_MARKS) or looks_like_tar(head) or kind_of_name(path.name) is FoundKind.ARCHIVE


def walk(
    path: Path, limits: ArchiveLimits | None = None, scratch: Path | None = None
) -> Iterator[Found | Refused]:
    """Everything in the archive at `path`, archives within it included, in their order.

    Members that are no files of ours (pictures, say) come as `FoundKind.OTHER`, to be counted. Nothing is
    unpacked but compressed archives in the archive (see `ArchiveReader`).

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        yield from _Walk(limits or ArchiveLimits(), scratch).archive(stream, Location(path), 1)


class _Walk:
    def __init__(self, limits: ArchiveLimits, scratch: Path | None) -> None:
        self._limits = limits
        self._scratch = scratch

    def archive(self, container: BinaryIO, location: Location, depth: int) -> Iterator[Found | Refused]:
        try:
            container.seek(0)
            head = container.read(BLOCK)
            if head.startswith(_GZIP_MARK):
                yield from self._gzip(container, location, depth)
            elif looks_like_tar(head):
                yield from self._tar(container, location, depth)
            else:
                yield from self._zip(container, location, depth)
        except ArchiveRefused as refused:
            yield Refused(location, refused.fault, refused.reason)

    def _gzip(self, container: BinaryIO, location: Location, depth: int) -> Iterator[Found | Refused]:
        inner = Member(f"{location.name}!", Packing.GZIP, 0, container.seek(0, 2), -1, -1)
        with unpacked(container, inner, self._limits, self._scratch) as tar:
            if not looks_like_tar(tar.read(BLOCK)):
                raise ArchiveRefused(ArchiveFault.DAMAGED, "no tar file inside")
            yield from self._tar(tar, location.within(inner), depth)

    def _tar(self, container: BinaryIO, location: Location, depth: int) -> Iterator[Found | Refused]:
        for member, is_file in tar_members(container, self._limits):
            kind = kind_of_name(member.name)
            if not is_file and kind is not FoundKind.OTHER and not member.name.endswith("/"):
                yield Refused(location.within(member), ArchiveFault.NOT_A_FILE, "is not a plain file")
            elif is_file:
                yield from self._member(container, location.within(member), kind, depth)

    def _zip(self, container: BinaryIO, location: Location, depth: int) -> Iterator[Found | Refused]:
        directory = ZipDirectory(container, self._limits)
        ours = self._is_ours(container, directory)
        for entry in directory:
            if entry.name.endswith("/"):
                continue
            kind = _kind_in_ours(entry.name) if ours else kind_of_name(entry.name)
            if kind is FoundKind.OTHER:
                yield Found(kind, location.within(_unresolved(entry)))
                continue
            try:
                member = directory.member(entry)
            except ArchiveRefused as refused:
                yield Refused(location.within(_unresolved(entry)), refused.fault, refused.reason)
            else:
                yield from self._member(container, location.within(member), kind, depth)

    def _is_ours(self, container: BinaryIO, directory: ZipDirectory) -> bool:
        """Whether a platform of ours made it: then its workouts count, not the copies for other tools."""
        manifest = next((entry for entry in directory if entry.name == MANIFEST), None)
        if manifest is None:
            return False
        try:
            member = directory.member(manifest)
            first = next(pieces(container, member, member.size_bytes, self._limits), b"")
        except ArchiveRefused:
            return False
        return _OUR_FORMAT.search(first) is not None

    def _member(
        self, container: BinaryIO, location: Location, kind: FoundKind, depth: int
    ) -> Iterator[Found | Refused]:
        member = location.members[-1]
        if kind is not FoundKind.OTHER and (problem := _unsafe(member.name)):
            yield Refused(location, ArchiveFault.UNSAFE_NAME, problem)
        elif kind is not FoundKind.ARCHIVE:
            yield Found(kind, location)
        elif depth >= self._limits.max_depth:
            yield Refused(location, ArchiveFault.TOO_DEEP, f"an archive within {depth} others")
        else:
            yield from self._nested(container, location, depth)

    def _nested(self, container: BinaryIO, location: Location, depth: int) -> Iterator[Found | Refused]:
        try:
            inner = unpacked(container, location.members[-1], self._limits, self._scratch)
        except ArchiveRefused as refused:
            yield Refused(location, refused.fault, refused.reason)
            return
        with inner:
            yield from self.archive(inner, location, depth + 1)


def _kind_in_ours(name: str) -> FoundKind:
    if name == DERIVATIONS:
        return FoundKind.METADATA
    return FoundKind.DEVICE if name.endswith(ARCHIVED_SUFFIX) else FoundKind.OTHER


def _unresolved(entry: ZipEntry) -> Member:
    """A member that is named, never opened."""
    return Member(entry.name, Packing.STORED, UNOPENED_OFFSET, entry.packed_bytes, entry.size_bytes, -1)


def _unsafe(name: str) -> str:
    """Why a name is not to be trusted; empty where it is."""
    if name.startswith("/") or _DRIVE.match(name):
        return "its name is an absolute path"
    if ".." in name.split("/"):
        return "its name leads out of the archive"
    if len(name) > _LONGEST_NAME:
        return f"its name has more than {_LONGEST_NAME} characters"
    return "its name holds control characters" if any(ord(letter) < 32 for letter in name) else ""
