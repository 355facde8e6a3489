"""Watching a folder for device files, by looking again and again: it works on any file system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ingest_edge.importer.find import is_device_file
from ingest_edge.spool import Spool


@dataclass(frozen=True, slots=True)
class _Look:
    size_bytes: int
    modified_ns: int


class FolderWatch:
    """Finds files in a folder that are new or changed, and complete.

    A file counts as complete when its size and its time of change were the same in two looks in a row, so
    one that is still being copied is left alone. What was imported before is known by path, size and time of
    change, over restarts too; what waits in the spool goes up by itself. A folder that is missing, an
    unplugged device say, is simply empty until it is back.
    """

    def __init__(self, folder: Path, spool: Spool, *, interval_s: float = 2.0) -> None:
        self._folder = folder.absolute()
        self._spool = spool
        self._interval_s = interval_s
        self._last: dict[Path, _Look] = {}
        self._given: dict[Path, _Look] = {}

    async def __aiter__(self) -> AsyncIterator[list[Path]]:
        """Yield the files that became ready since the last look, as long as one asks."""
        while True:
            ready = await self.look()
            if ready:
                yield ready
            await asyncio.sleep(self._interval_s)

    async def look(self) -> list[Path]:
        """Look once; returns the files that are ready and were not given out before as they are now."""
        now = await asyncio.to_thread(_looks, self._folder)
        stable = [path for path, look in now.items() if self._last.get(path) == look]
        self._last = now
        self._given = {path: look for path, look in self._given.items() if path in now}
        ready = [path for path in sorted(stable) if await self._is_news(path, now[path])]
        self._given.update({path: now[path] for path in ready})
        return ready

    def give_again(self, path: Path) -> None:
        """Give a file out once more, though it is as it was: nothing could be done with it yet."""
        self._given.pop(path, None)

    async def _is_news(self, path: Path, look: _Look) -> bool:
        if self._given.get(path) == look:
            return False
        seen = await self._spool.seen_file(str(path))
        return seen is None or (seen.size_bytes, seen.modified_ns) != (look.size_bytes, look.modified_ns)


def _looks(folder: Path) -> dict[Path, _Look]:
    looks: dict[Path, _Look] = {}
    for path in folder.rglob("*"):
        try:
            if is_device_file(path) and path.is_file():
                status = path.stat()
                looks[path] = _Look(status.st_size, status.st_mtime_ns)
        except OSError:
            # It was there a moment ago.
            continue
    return looks
