"""What can go wrong with the spool, by what the caller can do about it."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class SpoolError(Exception):
    """Anything wrong with the spool; the text is for a person."""


class SpoolLocked(SpoolError):
    """Another process uses the spool: one at a time."""


class SpoolCorrupt(SpoolError):
    """The spool's file is damaged. The text names the file and says what to do."""


class SpoolRefused(SpoolError):
    """Something was not stored, and nothing of it was: the caller still holds it and may try again."""


class SpoolFull(SpoolRefused):
    """There is no room: the configured bound is reached or the disk has too little left."""


class SpoolWriteFailed(SpoolRefused):
    """The system refused to write, for another reason than a full disk."""


class UnknownRecording(SpoolError):
    """No such recording, or no such source in it, or it takes no samples any more."""


class SamplesGone(SpoolError):
    """Samples are asked for that were acknowledged and therefore deleted: the platform lost what it had."""


_PRIMARY_CODE = 0xFF
_WRITE_TROUBLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def translated(error: sqlite3.Error, path: Path) -> SpoolError:
    """The spool's own error for one of SQLite's; `path` is the database."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return SpoolFull(f"no room to write {path}: {error}")
    if code in _DAMAGE:
        return SpoolCorrupt(
            f"{path} is damaged ({error}). Stop every pulsemesh-edge and start one again: it checks the "
            "file, moves it aside if it cannot be used, and says how to rescue what is in it."
        )
    if code in _WRITE_TROUBLE:
        return SpoolWriteFailed(f"cannot write {path}: {error}")
    return SpoolError(f"{path}: {error}")
