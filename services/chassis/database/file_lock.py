"""The advisory lock that makes one process the only one on an SQLite file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from services.chassis.database.errors import DatabaseInUse


class FileLock:
    """Held from construction until `release`; the kernel frees it when the process dies."""

    def __init__(self, database_file: Path) -> None:
        """
        Raises:
            DatabaseInUse: another process, or another `open_database` of this one, holds the file.
        """
        self._path = database_file.with_name(database_file.name + ".lock")
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"{database_file} is already open (process {holder}). SQLite serves exactly one process: "
                "stop that one, or point the database setting at a PostgreSQL server to run several."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go; the lock file itself stays, since removing it would race with the next holder."""
        os.close(self._descriptor)
