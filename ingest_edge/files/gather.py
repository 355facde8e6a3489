"""Finding device files: from the paths a person names to the files worth opening."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from ingest_edge.files.kinds import FoundKind, kind_of_name

_BLOCK = 1 << 20


_DEVICE_FILES = frozenset({FoundKind.DEVICE})


def gather(paths: Iterable[Path], kinds: Container[FoundKind] = _DEVICE_FILES) -> Iterator[Path]:
    """The candidate files under these paths, each once, folders in the order of their names.

    A file that is named itself comes whatever its name is; within folders only those of `kinds` by their
    names, in any case of letters, hidden ones left out. Links are followed, but no folder is entered
    twice, so a link to a parent ends. Raises `FileNotFoundError` for a named path that does not exist; what
    cannot be read below a folder is left out.
    """
    entered: set[tuple[int, int]] = set()
    given: set[Path] = set()
    for path in paths:
        found = _walk(path, entered, kinds) if path.is_dir() else iter((_existing(path),))
        for file in found:
            resolved = file.resolve()
            if resolved not in given:
                given.add(resolved)
                yield file


def is_candidate(path: Path) -> bool:
    """Whether a file's name is that of a device file."""
    return kind_of_name(path.name) is FoundKind.DEVICE


def sha256_of(path: Path) -> bytes:
    """The SHA-256 digest of a file's bytes as they lie on disk, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _existing(path: Path) -> Path:
    path.stat()
    return path


def _walk(folder: Path, entered: set[tuple[int, int]], kinds: Container[FoundKind]) -> Iterator[Path]:
    """The candidates below a folder, depth first, without recursion: links can make a tree very deep."""
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        if not _enter(current, entered):
            continue
        folders, files = _listing(current, kinds)
        yield from files
        waiting.extend(reversed(folders))


def _enter(folder: Path, entered: set[tuple[int, int]]) -> bool:
    try:
        status = folder.stat()
    except OSError:
        return False
    identity = (status.st_dev, status.st_ino)
    if identity in entered:
        return False
    entered.add(identity)
    return True


def _listing(folder: Path, kinds: Container[FoundKind]) -> tuple[list[Path], list[Path]]:
    """Sub-folders and candidate files of a folder, each sorted by name."""
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir():
                    if not entry.name.startswith("."):
                        folders.append(path)
                elif kind_of_name(entry.name) in kinds and entry.is_file():
                    files.append(path)
    except OSError:
        return sorted(folders), sorted(files)
    return sorted(folders), sorted(files)
