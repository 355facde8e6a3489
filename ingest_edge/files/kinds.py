"""What a file is, as far as its name tells."""

from __future__ import annotations

from enum import StrEnum

DEVICE_SUFFIXES = (".fit", ".gpx", ".tcx", ".fit.gz", ".gpx.gz", ".tcx.gz")
ARCHIVED_SUFFIX = ".pulsemesh"
"""Of a workout in an archive that a platform of ours exported."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz")
_TABLES = ("activities.csv", "comments.csv")
_MACOS_SHADOWS = "__macosx"
"""Where macOS puts what it knows of files beside them, under the names of the files."""


class FoundKind(StrEnum):
    """What is done with a file."""

    DEVICE = "device"
    """It is decoded."""
    ARCHIVE = "archive"
    """It is looked into."""
    METADATA = "metadata"
    """It tells of other files: the tables and JSON files of an account's export."""
    OTHER = "other"
    """It is passed over."""


def kind_of_name(name: str) -> FoundKind:
    """The kind of a file by its name, in any case of letters; folders in front of it are allowed.

    Hidden files are passed over, and so are the shadows that macOS adds to archives.
    """
    parts = name.lower().split("/")
    base = parts[-1]
    if base.startswith(".") or _MACOS_SHADOWS in parts[:-1]:
        return FoundKind.OTHER
    if base.endswith(DEVICE_SUFFIXES):
        return FoundKind.DEVICE
    if base.endswith(ARCHIVE_SUFFIXES):
        return FoundKind.ARCHIVE
    return FoundKind.METADATA if _tells_of_others(base) else FoundKind.OTHER


def _tells_of_others(base: str) -> bool:
    if base in _TABLES:
        return True
    return base.endswith(".json") and ("summarizedactivities" in base or base.endswith("gear.json"))
