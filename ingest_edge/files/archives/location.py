"""Where the bytes of a file are: on the disk, or in an archive there, or in an archive in an archive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from enum import StrEnum
from pathlib import Path

UNOPENED_OFFSET = -1
"""The offset of a member that is named but not to be opened."""


class Packing(StrEnum):
    """How a member's bytes lie in its archive."""

    STORED = "stored"
    DEFLATE = "deflate"
    BZIP2 = "bzip2"
    GZIP = "gzip"
    """A whole gzip stream: the tar inside a .tar.gz."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of a member are within its archive.

    Attributes:
        name: as the archive has it, with forward slashes.
        offset: of the first packed byte in the archive.
        size_bytes: uncompressed, as the archive says; -1 where it does not.
        crc32: of the uncompressed bytes; -1 where the archive has none.
    """

    name: str
    packing: Packing
    offset: int
    packed_bytes: int
    size_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Location:
    """A file's place: a path, and the members to go through from there, outermost first."""

    path: Path
    members: tuple[Member, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return (self.inner_name or self.path.name).rsplit("/", 1)[-1]

    @property
    def inner_name(self) -> str:
        """The name within the innermost archive; empty for a file on the disk."""
        return self.members[-1].name if self.members else ""

    @property
    def shown(self) -> Path:
        """A path for people: that of the archive, gone on into it."""
        names = [member.name for member in self.members if member.packing is not Packing.GZIP]
        return self.path.joinpath(*(name.lstrip("/") for name in names))

    @property
    def container(self) -> Location:
        """The archive that the file is in; the file itself where it is in none."""
        return Location(self.path, self.members[:-1])

    def within(self, member: Member) -> Location:
        """The place of a member of this archive."""
        return Location(self.path, (*self.members, member))

    def members_text(self) -> str:
        """The members as a line of JSON; empty without any. See `members_of`."""
        return json.dumps([astuple(member) for member in self.members]) if self.members else ""


def members_of(text: str) -> tuple[Member, ...]:
    """The members that `Location.members_text` wrote. Raises `ValueError` for anything else."""
    if not text:
        return ()
    try:
        return tuple(_member(row) for row in json.loads(text))
    except (TypeError, KeyError) as error:
        raise ValueError(f"not the members of an archive: {error}") from error


def _member(row: Iterable[object]) -> Member:
    name, packing, *numbers = row
    if len(numbers) != 4:
        raise ValueError("a member has six parts")
    offset, packed_bytes, size_bytes, crc32 = (int(str(number)) for number in numbers)
    return Member(str(name), Packing(str(packing)), offset, packed_bytes, size_bytes, crc32)
