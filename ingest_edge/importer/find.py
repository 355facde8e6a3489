"""Which files are to be imported, where folders are not looked into for archives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ingest_edge.files.gather import gather, is_candidate


def is_device_file(path: Path) -> bool:
    """Whether the name is that of a device file; hidden files are not."""
    return is_candidate(path)


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files among `paths`, and the device files in the folders among them, each once, in order.

    A file that is named is taken whatever it is called.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    return list(gather(paths))
