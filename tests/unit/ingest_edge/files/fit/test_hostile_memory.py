"""A hostile file cannot make the reader, or a decoder on it, take more than twenty times its own size.

Each file is made to be small in bytes and large in memory. All columns are looked at, one after the other, as
`inspect` and the importer do; numpy tells tracemalloc of its arrays.
"""

from __future__ import annotations

import contextlib
import gc
import random
import struct
import tracemalloc
from collections.abc import Callable

import pytest

from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.fit import read_fit
from ingest_edge.files.native_decoder import NativeDecoder
from tests.unit.ingest_edge.files.fit.fit_bytes import (
    BYTE,
    EVENT,
    RECORD,
    RECORD_IB,
    STRING,
    UINT8,
    UINT16,
    data,
    definition,
    fit_file,
    heart_rates,
)

TIMES_ITS_SIZE = 20
AND_BESIDE = 24 << 20
"""For any file: what compiled definitions, kept messages and the columns of few rows may take."""

T0 = 1_000_000_000


def plain(*messages: bytes) -> bytes:
    """A file whose checksums nobody reckoned: they cost more than the rest here."""
    body = b"".join(messages)
    return struct.pack("<BBHI4s", 12, 0x20, 2100, len(body), b".FIT") + body + b"\0\0"


def one_wide_message_among_many_narrow(scale: int) -> bytes:
    wide = definition(0, RECORD, [(field, 1, UINT8) for field in range(250)]) + data(0, "<250B", *range(250))
    return plain(wide, definition(1, RECORD, [(3, 1, UINT8)]), b"\x01\x50" * (100_000 * scale))


def many_definitions_of_one_message(scale: int) -> bytes:
    parts = [definition(0, RECORD, [(field, 1, UINT8)]) + b"\0\1" * (400 * scale) for field in range(250)]
    return plain(*parts)


def messages_without_a_field(scale: int) -> bytes:
    return plain(definition(0, RECORD, []), definition(1, EVENT, []), b"\0\1" * (100_000 * scale))


def different_definitions(scale: int) -> bytes:
    dice = random.Random(3)
    parts = [
        definition(0, dice.randrange(65_535), [(dice.randrange(255), 1, UINT8)]) + b"\0\1"
        for _ in range(10_000 * scale)
    ]
    return plain(*parts)


def sub_fields_of_every_kind(scale: int) -> bytes:
    define = definition(0, EVENT, [(0, 1, 0), (3, 1, UINT8)])
    return plain(define, b"".join(bytes((0, event, 1)) for event in range(78)) * (1000 * scale))


def short_texts(scale: int) -> bytes:
    dice = random.Random(4)
    return plain(
        definition(0, 0, [(8, 3, STRING)]), b"".join(b"\0" + dice.randbytes(3) for _ in range(40_000 * scale))
    )


def narrow_arrays(scale: int) -> bytes:
    return plain(definition(0, 0xFF00, [(1, 2, UINT8)]), b"\0\1\2" * (60_000 * scale))


def wide_arrays_among_numbers(scale: int) -> bytes:
    return plain(
        definition(0, RECORD, [(7, 200, UINT16)]),
        b"\0" + b"\1" * 200,
        definition(0, RECORD, [(7, 2, UINT16)]),
        b"\0\1\2" * (60_000 * scale),
    )


def arrays_in_half_of_the_messages(scale: int) -> bytes:
    arrays = definition(0, 0xFF00, [(1, 100, UINT8)]) + definition(1, 0xFF00, [(2, 1, UINT8)])
    return plain(arrays, (b"\0" + bytes(range(100)) + b"\1\2") * (1500 * scale))


def laps_of_one_byte(scale: int) -> bytes:
    return plain(
        RECORD_IB, heart_rates(0, T0, [60] * 10), definition(1, 19, [(24, 1, 0)]), b"\1\1" * (80_000 * scale)
    )


def chained_small_files(scale: int) -> bytes:
    return fit_file(definition(0, RECORD, [(3, 1, UINT8)]), data(0, "<B", 60)) * (2000 * scale)


def alternating_headers(scale: int) -> bytes:
    locals_ = b"".join(definition(local, RECORD, [(local, 1, UINT8)]) for local in range(16))
    return plain(locals_, bytes(octet for local in range(16) for octet in (local, 1)) * (5000 * scale))


def packed_bytes(scale: int) -> bytes:
    define = definition(0, RECORD, [(8, 3, BYTE), (18, 1, UINT8), (99, 1, UINT8)])
    return plain(define, b"\0\1\2\3\4\5" * (30_000 * scale))


FILES: list[Callable[[int], bytes]] = [
    one_wide_message_among_many_narrow,
    many_definitions_of_one_message,
    messages_without_a_field,
    different_definitions,
    sub_fields_of_every_kind,
    short_texts,
    narrow_arrays,
    wide_arrays_among_numbers,
    arrays_in_half_of_the_messages,
    laps_of_one_byte,
    chained_small_files,
    alternating_headers,
    packed_bytes,
]


def look_at_all_columns(content: bytes) -> None:
    read = read_fit(content)
    for table in read.messages.values():
        for columns in (table.columns, table.developer):
            for column in columns.values():
                made = column.matrix() if column.is_array else column.values
                assert len(made) == len(table)
                del made
        assert len(table.order) == len(table)


def decode(content: bytes) -> None:
    with contextlib.suppress(UnreadableFile):
        NativeDecoder().decode(content)


def peak_of(work: Callable[[bytes], None], content: bytes) -> int:
    work(content[:1000])
    gc.collect()
    tracemalloc.start()
    try:
        work(content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("work", [look_at_all_columns, decode])
@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_memory_stays_in_proportion(make: Callable[[int], bytes], work: Callable[[bytes], None]) -> None:
    check(make(2), work)


@pytest.mark.slow
@pytest.mark.parametrize("work", [look_at_all_columns, decode])
@pytest.mark.parametrize("make", FILES, ids=lambda make: make.__name__)
def test_memory_of_large_files_stays_in_proportion(
    make: Callable[[int], bytes], work: Callable[[bytes], None]
) -> None:
    content = make(20)
    peak = check(content, work)
    print(f"{make.__name__} {work.__name__}: {peak / len(content):.1f} times its {len(content)} bytes")


def check(content: bytes, work: Callable[[bytes], None]) -> int:
    peak = peak_of(work, content)
    assert peak < TIMES_ITS_SIZE * len(content) + AND_BESIDE, f"{peak / len(content):.1f} times its size"
    return peak
