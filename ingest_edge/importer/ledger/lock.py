"""Whether somebody works on an import: a lock that the system releases with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

_ATTEMPTS, _PAUSE_S = 5, 0.02


class JobRuns(Exception):
    """Another process works on this import."""


class JobLock:
    """Held while a process works on an import.

    Raises:
        JobRuns: another process holds it.
        OSError: the lock's file cannot be made.
    """

    def __init__(self, folder: Path, job_id: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(_path(folder, job_id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_ATTEMPTS):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # It may have been held for a moment only, by somebody who looked (see `is_held`).
                time.sleep(_PAUSE_S)
            else:
                return
        os.close(self._descriptor)
        raise JobRuns(f"the import {job_id} is being worked on by another process")

    def release(self) -> None:
        """Let others work on it."""
        os.close(self._descriptor)


def is_held(folder: Path, job_id: str) -> bool:
    """Whether a living process works on this import."""
    try:
        descriptor = os.open(_path(folder, job_id), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, and only for a moment: two who look do not see each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return False


def _path(folder: Path, job_id: str) -> Path:
    return folder / f"{job_id}.lock"
