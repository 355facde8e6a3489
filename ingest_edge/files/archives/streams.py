"""A member's bytes as a stream that never gives more than was allowed, in memory that does not grow."""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from ingest_edge.files.archives.errors import ArchiveFault, ArchiveRefused
from ingest_edge.files.archives.limits import ArchiveLimits
from ingest_edge.files.archives.location import Member, Packing

_BLOCK = 1 << 16


class Window(io.RawIOBase):
    """A stretch of an archive as a seekable file. It moves the archive's own position: one user at a time."""

    def __init__(self, container: BinaryIO, offset: int, length: int) -> None:
        self._container = container
        self._offset = offset
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As `io.IOBase.seek`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise ValueError("a negative position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position within the stretch."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As `io.RawIOBase.readinto`."""
        wanted = min(len(buffer), max(self._length - self._position, 0))
        self._container.seek(self._offset + self._position)
        block = self._container.read(wanted)
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)


class _Inflater(Protocol):
    def feed(self, block: bytes) -> Iterator[bytes]:
        """The uncompressed bytes of a block, in pieces of `_BLOCK` bytes at most."""
        ...

    @property
    def complete(self) -> bool:
        """The compressed data ended as it should."""
        ...


class _Stored:
    complete = True

    def feed(self, block: bytes) -> Iterator[bytes]:
        yield block


class _Deflate:
    """Raw deflate, or gzip with as many members as follow each other."""

    def __init__(self, window_bits: int, *, repeated: bool) -> None:
        self._window_bits = window_bits
        self._repeated = repeated
        self._object = zlib.decompressobj(window_bits)
        self._fed = False

    @property
    def complete(self) -> bool:
        return self._object.eof or (self._repeated and not self._fed)

    def feed(self, block: bytes) -> Iterator[bytes]:
        while block:
            if self._object.eof:
                if not self._repeated or not block.strip(b"\0"):
                    return
                self._object = zlib.decompressobj(self._window_bits)
            self._fed = True
            piece = self._object.decompress(block, _BLOCK)
            if piece:
                yield piece
            block = self._object.unused_data if self._object.eof else self._object.unconsumed_tail
        # What was held back because a piece was full.
        while not self._object.eof and (piece := self._object.decompress(b"", _BLOCK)):
            yield piece


class _Bzip2:
    def __init__(self) -> None:
        self._object = bz2.BZ2Decompressor()

    @property
    def complete(self) -> bool:
        return self._object.eof

    def feed(self, block: bytes) -> Iterator[bytes]:
        while not self._object.eof:
            piece = self._object.decompress(block, _BLOCK)
            block = b""
            if piece:
                yield piece
            elif self._object.needs_input:
                return


def _inflater(packing: Packing) -> _Inflater:
    match packing:
        case Packing.STORED:
            return _Stored()
        case Packing.DEFLATE:
            return _Deflate(-zlib.MAX_WBITS, repeated=False)
        case Packing.GZIP:
            return _Deflate(16 + zlib.MAX_WBITS, repeated=True)
        case Packing.BZIP2:
            return _Bzip2()


def pieces(container: BinaryIO, member: Member, limit: int, limits: ArchiveLimits) -> Iterator[bytes]:
    """The uncompressed bytes of a member, piece by piece, checked as they come.

    Raises:
        ArchiveRefused: the data is damaged, larger than `limit` or than the directory says, or inflates out
            of proportion. What came before has been given out already.
    """
    if member.size_bytes > limit:
        raise ArchiveRefused(ArchiveFault.TOO_LARGE, f"larger than {limit} bytes")
    inflater = _inflater(member.packing)
    produced = checksum = taken = 0
    for block in _packed(container, member):
        taken += len(block)
        try:
            for piece in inflater.feed(block):
                produced += len(piece)
                checksum = zlib.crc32(piece, checksum)
                _require_modest(member, produced, taken, limit, limits)
                yield piece
        except (zlib.error, OSError, EOFError, ValueError) as error:
            raise ArchiveRefused(ArchiveFault.DAMAGED, f"damaged compression: {error}") from error
    if not inflater.complete or produced != (member.size_bytes if member.size_bytes >= 0 else produced):
        raise ArchiveRefused(ArchiveFault.DAMAGED, f"cut off after {produced} bytes")
    if member.crc32 >= 0 and checksum != member.crc32:
        raise ArchiveRefused(ArchiveFault.DAMAGED, "its checksum is not the one in the archive")


def read_whole(container: BinaryIO, member: Member, limit: int, limits: ArchiveLimits) -> bytes:
    """All uncompressed bytes of a member. Raises as `pieces` does."""
    return b"".join(pieces(container, member, limit, limits))


def _packed(container: BinaryIO, member: Member) -> Iterator[bytes]:
    """The packed bytes; the position of the container is set before each read: others may move it."""
    position, end = member.offset, member.offset + member.packed_bytes
    while position < end:
        container.seek(position)
        block = container.read(min(_BLOCK, end - position))
        if not block:
            raise ArchiveRefused(ArchiveFault.DAMAGED, "the archive ends within it")
        position += len(block)
        yield block


def _require_modest(member: Member, produced: int, taken: int, limit: int, limits: ArchiveLimits) -> None:
    if 0 <= member.size_bytes < produced:
        raise ArchiveRefused(
            ArchiveFault.BOMB, f"larger than the {member.size_bytes} bytes it is said to have"
        )
    if produced > limit:
        raise ArchiveRefused(ArchiveFault.TOO_LARGE, f"larger than {limit} bytes")
    if produced > limits.ratio_from_bytes and produced > taken * limits.max_ratio:
        raise ArchiveRefused(ArchiveFault.BOMB, f"inflates more than {limits.max_ratio} times")
