"""One process per spool."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ingest_edge.spool.errors import SpoolLocked, SpoolWriteFailed


class SpoolLock:
    """An advisory lock on a file beside the database; the kernel releases it when the process dies.

    Raises:
        SpoolLocked: another process holds it; the text names its number.
        SpoolWriteFailed: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolWriteFailed(f"cannot open {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise SpoolLocked(
                f"the spool {path.parent} is in use by process {holder or 'unknown'}. One pulsemesh-edge "
                "at a time works on a spool; stop the other one, or choose another folder with --spool."
            ) from None
        self._note_holder()

    def _note_holder(self) -> None:
        # The number is a help for people only: a full disk must not keep anybody from draining the spool.
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError:
            return

    def release(self) -> None:
        """Let others in. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._descriptor)
