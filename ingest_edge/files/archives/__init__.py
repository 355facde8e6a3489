"""Archives of device files: listed without unpacking, read member by member as bounded streams."""

from __future__ import annotations

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import UNOPENED_OFFSET, Location, Member, Packing, members_of
from ingest_edge.files.archives.reader import ArchiveReader
from ingest_edge.files.archives.walk import Found, Refused, is_archive, walk

__all__ = [
    "UNOPENED_OFFSET",
    "ArchiveFault",
    "ArchiveLimits",
    "ArchiveReader",
    "ArchiveRefused",
    "Found",
    "Location",
    "Member",
    "Packing",
    "Refused",
    "is_archive",
    "members_of",
    "walk",
]
