"""A zip file that is made as it is read: nothing of it is kept but its directory."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile
from types import TracebackType
from typing import IO, Self

_LEVEL = 6
_EARLIEST_S = 315_532_800  # 1980: zip knows no earlier time


class _Sink(io.RawIOBase):
    """Takes what the zip file writes; gives it away once."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self._waiting += content
        return len(content)

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


class ZipStream:
    """Add entries; after each step `take` what has become of them. Work for a worker thread.

    Sizes follow the content of each entry, as the format allows for streams; entries and the whole may be
    larger than 4 GiB.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entry: ZipEntry | None = None
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def add(self, name: str, content: bytes, modified_ms: int) -> str:
        """Add a whole entry; returns its SHA-256."""
        with self._lock, self.entry(name, modified_ms, len(content)) as entry:
            entry.write(content)
        return entry.sha256

    def entry(self, name: str, modified_ms: int, size_bytes: int) -> ZipEntry:
        """Begin an entry of about that size; it is closed before the next begins."""
        seconds = max(modified_ms // 1000, _EARLIEST_S)
        info = zipfile.ZipInfo(name, time.gmtime(seconds)[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        info.file_size = size_bytes
        with self._lock:
            self._entry = ZipEntry(self._zip.open(info, "w"), self._lock)
            return self._entry

    def finish(self) -> None:
        """Write the directory."""
        with self._lock:
            self._zip.close()

    def abandon(self) -> None:
        """End a zip file that nobody will read to its end; waits for a step that is under way."""
        with self._lock:
            if self._entry is not None:
                self._entry.close()
            self._zip.close()
            self._sink.take()

    def take(self) -> bytes:
        """What was written since the last time."""
        return self._sink.take()


class ZipEntry:
    """One file in the zip file, while it is written."""

    def __init__(self, stream: IO[bytes], lock: threading.RLock) -> None:
        self._stream = stream
        self._lock = lock
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, content: bytes) -> None:
        """Append content."""
        with self._lock:
            self._stream.write(content)
            self._digest.update(content)
            self.size_bytes += len(content)

    def close(self) -> None:
        """End the entry. A repeat changes nothing."""
        with self._lock:
            self._stream.close()

    @property
    def sha256(self) -> str:
        """Of what was written, hexadecimal."""
        return self._digest.hexdigest()
