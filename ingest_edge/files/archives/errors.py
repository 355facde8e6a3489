"""Why an archive, or a member of one, is not opened."""

from __future__ import annotations

from enum import StrEnum

from ingest_edge.files.decoder import UnreadableFile


class ArchiveFault(StrEnum):
    """The kinds of trouble, for programs; the text of the error says more to people."""

    DAMAGED = "damaged"
    """Headers or compressed data are not what the format demands, or a checksum differs."""
    BOMB = "bomb"
    """Inflates out of proportion, or to more than the directory says."""
    OVERLAPPING_MEMBERS = "overlapping_members"
    """Members share bytes of the archive: no honest tool writes that, and it multiplies small bombs."""
    TOO_MANY_MEMBERS = "too_many_members"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    """An archive within an archive within an archive, further than is looked into."""
    UNSAFE_NAME = "unsafe_name"
    """The member's name points out of the archive, or holds control characters."""
    NOT_A_FILE = "not_a_file"
    """A link or a device under the name of a file."""
    ENCRYPTED = "encrypted"
    UNSUPPORTED_COMPRESSION = "unsupported_compression"


class ArchiveRefused(UnreadableFile):
    """An archive or a member that is not opened, or that turned out to be bad while it was read."""

    def __init__(self, fault: ArchiveFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault

    def __reduce__(self) -> tuple[type[ArchiveRefused], tuple[ArchiveFault, str]]:  # type: ignore[override]
        return type(self), (self.fault, self.reason)
