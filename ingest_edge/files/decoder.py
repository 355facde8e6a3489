"""The port that every decoder of device files fills, and the errors it may raise.

Decoding is synchronous and busy: never call it on an event loop. Run it in a worker thread for files of one's
own making, and in a process of its own (`ingest_edge.files.isolation`) for files from elsewhere.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from ingest_edge.files.activity import Activity

FILE_SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of the uncompressed file. A day at one record a second with every known field is below 10 MiB."""

_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableFile(Exception):
    """The file as a whole is of no use: not what its name says, empty, too large, hostile.

    `offset` is the byte to blame, where one is. Damage that leaves something whole raises nothing: what was
    whole is returned, and the rest is in `Activity.losses`.
    """

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason if offset is None else f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset

    def __reduce__(self) -> tuple[type[UnreadableFile], tuple[str, int | None]]:
        return type(self), (self.reason, self.offset)


class NotAnActivity(UnreadableFile):
    """A sound file of another kind: settings, a workout plan, a day's monitoring. `file_kind` names it."""

    def __init__(self, file_kind: str) -> None:
        super().__init__(f"a {file_kind} file, not an activity")
        self.file_kind = file_kind

    def __reduce__(self) -> tuple[type[NotAnActivity], tuple[str]]:  # type: ignore[override]
        return type(self), (self.file_kind,)


class Decoder(Protocol):
    """Turns one device file into an `Activity`. Instances hold no state between files and can be pickled."""

    @property
    def name(self) -> str:
        """What the decoder is called in logs and settings."""
        ...

    def decode(self, source: Path | bytes) -> Activity:
        """Decode a file, or the bytes of one; both may be gzip-compressed.

        Raises `UnreadableFile` (`NotAnActivity` where the file is sound but something else) and, for a path,
        the `OSError` of the system when the file cannot be opened. Nothing else.
        """
        ...


def read_source(source: Path | bytes, limit: int = FILE_SIZE_LIMIT) -> bytes:
    """The uncompressed bytes of a file, at most `limit` of them.

    Raises `UnreadableFile` where the file is larger, or its compression is damaged from the first block on. A
    compressed file that was cut off yields what could be recovered, for the decoder to report.
    """
    if isinstance(source, bytes):
        return _read_limited(io.BytesIO(source), limit)
    with source.open("rb") as stream:
        return _read_limited(stream, limit)


def _read_limited(stream: BinaryIO, limit: int) -> bytes:
    magic = stream.read(len(_GZIP_MAGIC))
    stream.seek(0)
    content = _inflate(stream, limit) if magic == _GZIP_MAGIC else stream.read(limit + 1)
    if len(content) > limit:
        raise UnreadableFile(f"larger than {limit} bytes")
    return content


def _inflate(stream: BinaryIO, limit: int) -> bytes:
    content = bytearray()
    try:
        with gzip.open(stream) as inflated:
            while len(content) <= limit and (block := inflated.read1(1 << 16)):
                content += block
    except (OSError, EOFError, zlib.error) as error:
        if not content:
            raise UnreadableFile(f"damaged gzip compression: {error}") from error
    return bytes(content)
