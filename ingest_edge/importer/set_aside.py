"""Copies of files that could not be imported, in a folder where a person finds them, each with its reason."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ingest_edge.files.archives import UNOPENED_OFFSET, ArchiveReader
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger import JobFile

REASONS_NAME = "reasons.csv"
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100


class SetAside:
    """Fills a folder. The originals stay where they are; a repeat writes the same files again."""

    def __init__(self, folder: Path, reader: ArchiveReader) -> None:
        self._folder = folder
        self._reader = reader

    def keep(self, entry: Entry) -> bool:
        """Copy a file; False where there is nothing to copy: an encrypted member, one that is a bomb.

        Raises:
            OSError: the folder cannot be written.
        """
        members = entry.location.members
        if members and members[-1].offset == UNOPENED_OFFSET:
            return False
        try:
            content = self._reader.read(entry.location)
        except (OSError, UnreadableFile):
            return False
        self._write(copy_name(entry), content)
        return True

    def write_reasons(self, files: Iterable[JobFile]) -> None:
        """Write the table of what was set aside and why: copy, place, outcome, fault, reason.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{REASONS_NAME}.part"
        with part.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream)
            table.writerow(["copy", "file", "status", "fault", "reason"])
            for file in files:
                copy = copy_name(file.entry)
                outcome = file.outcome
                if outcome is not None:
                    held = copy if (self._folder / copy).exists() else ""
                    place = str(outcome.path)
                    table.writerow([held, place, outcome.status, outcome.fault, outcome.reason])
        part.replace(self._folder / REASONS_NAME)

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{name}.part"
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self._folder / name)


def copy_name(entry: Entry) -> str:
    """The name of the copy: unique within the import, and harmless whatever the archive called it."""
    base = _SAFE.sub("_", entry.location.name).lstrip(".")[-_LONGEST:] or "file"
    return f"{entry.ordinal:06d}-{base}"
