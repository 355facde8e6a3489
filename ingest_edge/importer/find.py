"""Which files are to be imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = (".fit", ".fit.gz")


def is_device_file(path: Path) -> bool:
    """Whether the name is that of a device file; hidden files are not."""
    return not path.name.startswith(".") and path.name.lower().endswith(SUFFIXES)


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files among `paths`, and the device files in the folders among them, each once, in order.

    A file that is named is taken whatever it is called.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = (file for file in sorted(path.rglob("*")) if is_device_file(file) and file.is_file())
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise FileNotFoundError(f"{path}: no such file or folder")
    return list(found)
