"""What can be wrong with stored samples."""

from __future__ import annotations


class CodecError(Exception):
    """Bytes that are not the samples they should be."""


class ChunkCorrupted(CodecError):
    """A stored chunk is damaged, cut short, or of a codec that this version does not know."""


class BatchCorrupted(CodecError):
    """A journalled batch does not parse, or its columns disagree about the number of samples."""
