"""Samples between the wire, numpy and the stored chunk."""

from services.workout.codec.chunk import MAX_CHUNK_SAMPLES, decode_chunk, encode_chunk
from services.workout.codec.columns import SampleColumn, SampleColumns, concatenate
from services.workout.codec.errors import BatchCorrupted, ChunkCorrupted, CodecError
from services.workout.codec.wire import decode_batches, encode_segment

__all__ = [
    "MAX_CHUNK_SAMPLES",
    "BatchCorrupted",
    "ChunkCorrupted",
    "CodecError",
    "SampleColumn",
    "SampleColumns",
    "concatenate",
    "decode_batches",
    "decode_chunk",
    "encode_chunk",
    "encode_segment",
]
