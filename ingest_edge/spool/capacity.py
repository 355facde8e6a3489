"""Whether there is room: the bound on the database, and what must stay free on the disk."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path

from ingest_edge.spool.errors import SpoolFull
from ingest_edge.spool.records import SpoolLimits

_DISK_CHECK_INTERVAL_S = 1.0
_ROW_OVERHEAD_BYTES = 64


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of pages in use: deleting gives them back at once, though the file shrinks only later."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    return int((pages - free) * size)


def free_disk_bytes(path: Path) -> int:
    """Bytes that are free on the disk of `path`, for an ordinary user."""
    return shutil.disk_usage(path.parent).free


class Capacity:
    """Refuses what does not fit. Used in the thread of the database only.

    The policy: first no new recording is begun, then samples are refused; what the platform has not
    acknowledged is never deleted to make room.
    """

    def __init__(self, path: Path, limits: SpoolLimits) -> None:
        self._path = path
        self._limits = limits
        self._free_disk = 0
        self._checked_at = float("-inf")

    def require_room_for_samples(self, connection: sqlite3.Connection, payload_bytes: int) -> None:
        """Raise `SpoolFull` where `payload_bytes` more would break a bound."""
        limits = self._limits
        wanted = used_bytes(connection) + payload_bytes + _ROW_OVERHEAD_BYTES
        if wanted > limits.max_bytes - limits.reserve_bytes:
            raise SpoolFull(
                f"the spool {self._path} is full: {limits.max_bytes} bytes are allowed. It empties as it is "
                "uploaded; `spool_max_bytes` allows more."
            )
        self._require_free_disk(limits.min_free_bytes)

    def require_room_for_a_recording(self, connection: sqlite3.Connection) -> None:
        """Raise `SpoolFull` where a new recording should not be begun."""
        limits = self._limits
        if used_bytes(connection) > (limits.max_bytes - limits.reserve_bytes) * limits.new_recording_share:
            raise SpoolFull(
                f"the spool {self._path} is nearly full ({limits.max_bytes} bytes are allowed), so no new "
                "recording is begun. It empties as it is uploaded; `spool_max_bytes` allows more."
            )
        self._require_free_disk(limits.min_free_bytes * 3 // 2)

    def _require_free_disk(self, wanted: int) -> None:
        now = time.monotonic()
        if now - self._checked_at >= _DISK_CHECK_INTERVAL_S:
            self._free_disk = free_disk_bytes(self._path)
            self._checked_at = now
        if self._free_disk < wanted:
            raise SpoolFull(
                f"the disk of {self._path} has {self._free_disk} bytes left; {wanted} are kept free "
                "(`spool_min_free_bytes`)."
            )
