"""A chain in a file: appended to by one writer at a time, continued by whoever comes next."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from services.chassis.audit.entries import (
    MAX_LINE_BYTES,
    NOTHING_BEFORE,
    Entry,
    EntryDamaged,
    EntryKind,
    digest,
    make_entry,
    read_entry,
)

_log = structlog.get_logger("audit")


def clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class ChainBusy(Exception):
    """Another process writes this chain."""


class ChainDamaged(Exception):
    """The end of the file is not the end of a chain: it cannot be continued."""


class ChainFile:
    """The writer's side of one chain. Holds a lock on the file for as long as it is open.

    A process that dies in the middle of a write leaves a line cut off. Nothing is ever removed: the next
    writer ends that line and adds an entry that says how many bytes were cut off and what their hash is.

    Attributes:
        path: the file.
        head: the last whole entry; None while the chain is empty.
    """

    def __init__(self, path: Path, *, wait: bool = False, now_ms: Callable[[], int] = clock_ms) -> None:
        """
        Args:
            wait: for whoever holds the file, instead of raising.

        Raises:
            ChainBusy: another process holds it.
            ChainDamaged: it ends in something that is no chain.
            OSError: it cannot be opened.
        """
        self.path = path
        self.head: Entry | None = None
        self._now_ms = now_ms
        self._chain = ""
        self._torn = False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._lock(wait)
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def chain(self) -> str:
        """The chain's id."""
        return self._chain

    def append(self, kind: EntryKind, body: Mapping[str, Any], *, time_ms: int | None = None) -> Entry:
        """Add one entry, in one write.

        Raises:
            OSError: it could not be written whole; the next `append` first ends what was cut off.
            ValueError: the body has no canonical form, or is too long.
        """
        if self._torn:
            self.refresh()
        return self._append(kind, body, self._now_ms() if time_ms is None else time_ms)

    def _append(
        self, kind: EntryKind, body: Mapping[str, Any], time_ms: int, *, before: bytes = b""
    ) -> Entry:
        entry = make_entry(
            chain=self._chain,
            sequence=self.head.sequence + 1 if self.head else 1,
            kind=kind,
            time_ms=time_ms,
            previous=self.head.hash if self.head else NOTHING_BEFORE,
            body=body,
        )
        line = entry.line()
        if len(line) > MAX_LINE_BYTES:
            raise ValueError("an audit record of more than 64 KiB")
        self._write(before + line)
        self.head = entry
        return entry

    def _write(self, data: bytes) -> None:
        self._torn = True
        written = os.write(self._descriptor, data)
        if written != len(data):
            raise OSError(f"only {written} of {len(data)} bytes of an audit record could be written")
        self._torn = False

    def sync(self) -> None:
        """Return once everything appended survives the loss of power."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, wait: bool) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise ChainBusy(str(self.path)) from None

    def refresh(self) -> None:
        """Find the head in the file, and end a line that was cut off.

        Raises:
            ChainDamaged: whole lines at the end are no entries.
        """
        tail = self._tail()
        self.head, torn = _head(tail)
        self._chain = self.head.chain if self.head else secrets.token_hex(8)
        self._torn = False
        if torn.endswith(b"\n") or (self.head is None and len(tail) > MAX_LINE_BYTES):
            raise ChainDamaged(f"{self.path} does not end like a chain; see `pulsemesh-server audit verify`")
        if torn:
            self._recover(torn)

    def _recover(self, torn: bytes) -> None:
        """One write: cut off in its turn, it is part of what the next writer finds."""
        whole = _following(self.head, torn)
        if whole is not None:  # nothing but the line's end is missing
            self._write(b"\n")
            self.head, self._chain = whole, whole.chain
            return
        _log.warning("audit_line_cut_off", file=str(self.path), bytes=len(torn))
        body = {"torn_bytes": len(torn), "torn_sha256": digest(torn)}
        self._append(EntryKind.RECOVERED, body, self._now_ms(), before=b"\n")

    def _tail(self) -> bytes:
        """The end of the file, from the beginning of a line."""
        size = os.fstat(self._descriptor).st_size
        start = max(0, size - 4 * MAX_LINE_BYTES)
        data = os.pread(self._descriptor, size - start, start)
        return data if start == 0 else data.partition(b"\n")[2]


def _following(head: Entry | None, line: bytes) -> Entry | None:
    """The entry of a line if it is the one that comes after `head`."""
    try:
        entry = read_entry(line)
    except EntryDamaged:
        return None
    expected = (head.sequence + 1, head.hash) if head else (1, NOTHING_BEFORE)
    return entry if (entry.sequence, entry.previous) == expected else None


def _head(tail: bytes) -> tuple[Entry | None, bytes]:
    """The last entry, and what stands after it."""
    end = len(tail)
    while (end := tail.rfind(b"\n", 0, end)) >= 0:
        begin = tail.rfind(b"\n", 0, end) + 1
        try:
            return read_entry(tail[begin:end]), tail[end + 1 :]
        except EntryDamaged:
            continue
    return None, tail
