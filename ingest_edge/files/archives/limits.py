"""How much of an archive is believed."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.files.decoder import FILE_SIZE_LIMIT


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds on what archives may hold. An account's export of twenty years stays far below all of them.

    Attributes:
        max_members: of one archive, everything counted.
        max_total_bytes: of all members of one archive, uncompressed, as its directory says.
        max_member_bytes: of one device file, uncompressed.
        max_nested_bytes: of an archive within an archive, uncompressed: it takes room on the disk while it
            is read, one at a time.
        max_ratio: uncompressed to compressed bytes of a member, once it is larger than
            `ratio_from_bytes`. XML of a GPS track packs 20 to 60 times; deflate cannot do more than 1,032.
        max_depth: archives within each other, the outermost included.
        max_text_bytes: of a table or a JSON file of an export.
    """

    max_members: int = 500_000
    max_total_bytes: int = 512 * 1024**3
    max_member_bytes: int = FILE_SIZE_LIMIT
    max_nested_bytes: int = 16 * 1024**3
    max_ratio: int = 200
    ratio_from_bytes: int = 4 * 1024**2
    max_depth: int = 3
    max_text_bytes: int = 64 * 1024**2
