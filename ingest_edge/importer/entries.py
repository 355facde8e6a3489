"""What is imported: files on the disk and members of archives, as one kind of thing."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest_edge.files.archives import ArchiveLimits, Found, Location, Refused, is_archive, walk
from ingest_edge.files.gather import gather
from ingest_edge.files.kinds import FoundKind, kind_of_name

_WANTED = frozenset({FoundKind.DEVICE, FoundKind.ARCHIVE, FoundKind.METADATA})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to import.

    Attributes:
        ordinal: its place in the import, from 0; whoever makes the list of all of them gives it.
        size_bytes: as the disk or the archive says; -1 where neither does.
        modified_ns: of a file on the disk; 0 for a member of an archive.
    """

    ordinal: int
    location: Location
    size_bytes: int
    modified_ns: int = 0


def entry_of(path: Path, ordinal: int = 0) -> Entry:
    """The entry of a file on the disk; one that cannot be looked at is met again when it is read."""
    try:
        status = path.stat()
    except OSError:
        return Entry(ordinal, Location(path), -1)
    return Entry(ordinal, Location(path), status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something that is none of ours: a picture, a table of something else."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A file that tells of others."""

    location: Location


Scanned = Entry | Refused | Metadata | PassedOver


def scan(
    paths: Sequence[Path], limits: ArchiveLimits | None = None, scratch: Path | None = None
) -> Generator[Scanned, None, None]:
    """Everything below these paths: folders and archives are looked into. Blocks; lazy, in a stable order.

    Raises:
        FileNotFoundError: one of `paths` does not exist.
    """
    named = {path for path in paths if not path.is_dir()}
    for path in gather(paths, _WANTED):
        yield from _look_into(path, path in named, limits, scratch)


def _look_into(
    path: Path, named: bool, limits: ArchiveLimits | None, scratch: Path | None
) -> Iterator[Scanned]:
    kind = kind_of_name(path.name)
    if kind is FoundKind.METADATA and not named:
        yield Metadata(Location(path))
        return
    try:
        if kind is not FoundKind.DEVICE and is_archive(path):
            yield from map(_of_archive, walk(path, limits, scratch))
            return
    except OSError:
        # Met again, and told, when it is read.
        pass
    yield Metadata(Location(path)) if kind is FoundKind.METADATA else entry_of(path)


def _of_archive(item: Found | Refused) -> Scanned:
    if isinstance(item, Refused):
        return item
    if item.kind is FoundKind.METADATA:
        return Metadata(item.location)
    return Entry(0, item.location, item.size_bytes) if item.kind is FoundKind.DEVICE else PassedOver()
