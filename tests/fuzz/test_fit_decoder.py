"""Damaged FIT files: only typed errors, nothing slow, and what was whole before the damage is read as ever.

A short run belongs to every test run; the long verb (`make chaos`) reads more than a million files.
"""

from __future__ import annotations

import contextlib
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.fit import FitContent, read_fit
from ingest_edge.files.native_decoder import NativeDecoder
from tests.unit.ingest_edge.files.fit.fit_bytes import (
    BYTE,
    ENUM,
    EVENT,
    FLOAT32,
    HR,
    RECORD,
    RECORD_IB,
    SINT32,
    STRING,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    compressed,
    data,
    definition,
    developer_data_id,
    field_description,
    fit_file,
    heart_rates,
)

SHORT_RUN = 4_000
LONG_RUN = 1_000_000
SHARDS = 10
MOST_CPU_S = 1.0
WEIGH_EVERY = 500
# The seeds are below a kilobyte, and objects of Python have a size of their own.
MOST_BYTES = 1 << 20
HEADER = 14
T0 = 1_000_000_000

FILE_ID = definition(3, 0, [(0, 1, ENUM), (4, 4, UINT32), (8, 8, STRING)]) + data(3, "<BI8s", 4, T0, b"seed")
SESSION = definition(4, 18, [(253, 4, UINT32), (2, 4, UINT32), (7, 4, UINT32), (5, 1, ENUM), (14, 2, UINT16)])


@dataclass(frozen=True)
class Whole:
    """A message of an undamaged seed: where it lies, and what it holds."""

    number: int
    offset: int
    end: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Seed:
    content: bytes
    messages: tuple[Whole, ...]


@cache
def seeds() -> tuple[Seed, ...]:
    return tuple(seed(content) for content in (ride(), laid_out_oddly(), apps(), packed(), chain(), many()))


def seed(content: bytes) -> Seed:
    read = read_fit(content)
    assert read.errors == ()
    found = [
        (number, offset, row)
        for number, table in read.messages.items()
        for offset, row in zip(table.offsets.tolist(), table.rows(), strict=True)
    ]
    found.sort(key=lambda message: message[1])
    # A message ends where the next begins, or where a definition does: at the latest there.
    ends = [offset for _, offset, _ in found[1:]] + [len(content)]
    return Seed(
        content, tuple(Whole(*message[:2], end, message[2]) for message, end in zip(found, ends, strict=True))
    )


def ride() -> bytes:
    records = definition(
        0, RECORD, [(253, 4, UINT32), (0, 4, SINT32), (2, 2, UINT16), (6, 2, UINT16), (3, 1, UINT8)]
    )
    rows = [data(0, "<IiHHB", T0 + n, 1000 * n, 3000 + n, 5000 + n, 90 + n) for n in range(20)]
    session = data(4, "<IIIBH", T0 + 20, T0, 20_000, 2, 5000)
    return fit_file(FILE_ID, records, *rows, SESSION, session)


def laid_out_oddly() -> bytes:
    big = definition(1, RECORD, [(253, 4, UINT32), (7, 2, UINT16), (78, 4, UINT32), (2, 2, UINT16)], big=True)
    pairs = [heart_rates(0, T0 + n, [90 + n]) + data(1, ">IHIH", T0 + n, 200, 9000, 0xFFFF) for n in range(8)]
    events = definition(2, EVENT, [(253, 4, UINT32), (0, 1, ENUM), (3, 4, UINT32)])
    return fit_file(
        FILE_ID, RECORD_IB, big, *pairs, events, data(2, "<IBI", T0, 42, 0x01020304), header_size=12
    )


def apps() -> bytes:
    records = definition(0, RECORD, [(253, 4, UINT32)], [(1, 4, 0), (2, 2, 0)])
    rows = [data(0, "<If2s", T0 + n, 200.5 + n, b"ab") for n in range(6)]
    declared = field_description(0, 1, FLOAT32, "Power", native=7) + field_description(0, 2, STRING, "note")
    return fit_file(FILE_ID, developer_data_id(0), declared, records, *rows)


def packed() -> bytes:
    tick = definition(1, RECORD, [(8, 3, BYTE), (18, 1, UINT8)])
    ticks = [compressed(1, n % 32, "<3BB", n, n * 16 % 256, n, n * 40 % 256) for n in range(20)]
    anchor = definition(2, HR, [(253, 4, UINT32), (9, 4, UINT32), (6, 1, UINT8)]) + data(
        2, "<IIB", T0, 2048, 70
    )
    beats = definition(2, HR, [(10, 12, BYTE), (6, 8, UINT8)]) + data(2, "<12s8s", bytes(range(12)), b"F" * 8)
    return fit_file(FILE_ID, RECORD_IB, heart_rates(0, T0, [80]), tick, *ticks, anchor, beats)


def chain() -> bytes:
    odd = definition(0, 0xFF00, [(1, 8, UINT64), (2, 6, UINT16), (2, 1, UINT8)])
    return fit_file(FILE_ID, RECORD_IB, heart_rates(0, T0, range(60, 70))) + fit_file(
        odd, data(0, "<Q3HB", 2**63, 1, 0xFFFF, 3, 4), RECORD_IB, heart_rates(0, T0, [99])
    )


def many() -> bytes:
    hrv = definition(1, 78, [(0, 6, UINT16)])
    pairs = [heart_rates(0, T0 + n, [60 + n]) + data(1, "<3H", 800, 810 + n, 0xFFFF) for n in range(30)]
    return fit_file(FILE_ID, RECORD_IB, hrv, *pairs, heart_rates(0, T0 + 40, range(100, 130)))


Damage = Callable[[random.Random, bytearray], int]
"""Damages a file in place and returns the first byte that may be another one than before."""


def flip(dice: random.Random, content: bytearray) -> int:
    places = [dice.randrange(len(content)) for _ in range(dice.randint(1, 4))]
    for place in places:
        content[place] ^= 1 << dice.randrange(8)
    return min(places)


def overwrite(dice: random.Random, content: bytearray) -> int:
    place = dice.randrange(len(content))
    octets = dice.choice([b"\0", b"\xff", b"\x40", dice.randbytes(4)]) * dice.randint(1, 8)
    content[place : place + len(octets)] = octets
    return place


def cut(dice: random.Random, content: bytearray) -> int:
    place = dice.randrange(len(content))
    del content[place:]
    return place


def remove(dice: random.Random, content: bytearray) -> int:
    place = dice.randrange(len(content))
    del content[place : place + dice.randint(1, 12)]
    return place


def insert(dice: random.Random, content: bytearray) -> int:
    place = dice.randrange(len(content) + 1)
    content[place:place] = dice.randbytes(dice.randint(1, 20))
    return place


def splice(dice: random.Random, content: bytearray) -> int:
    other = dice.choice(seeds()).content
    place = dice.randrange(len(content))
    content[place:] = other[dice.randrange(len(other)) :]
    return place


def repeat(dice: random.Random, content: bytearray) -> int:
    place, start = dice.randrange(len(content)), dice.randrange(len(content))
    content[place:place] = content[start : start + dice.randint(1, 60)] * dice.randint(1, 6)
    return place


def lie(dice: random.Random, content: bytearray) -> int:
    """The header tells of another size, or is of another size itself."""
    if dice.random() < 0.7:
        size = dice.choice([0, 1, len(content), 2**31, 2**32 - 1, dice.randrange(2 * len(content))])
        content[4:8] = struct.pack("<I", size)
    else:
        content[0] = dice.randrange(256)
    return 0


DAMAGES: tuple[Damage, ...] = (flip, flip, overwrite, cut, remove, insert, splice, repeat, lie)


def look_at_everything(read: FitContent) -> dict[int, dict[int, dict[str, Any]]]:
    """Every column of every table made, and every message by number and offset."""
    found: dict[int, dict[int, dict[str, Any]]] = {}
    for number, table in read.messages.items():
        for columns in (table.columns, table.developer):
            for column in columns.values():
                assert len(column.values) == len(table)
                assert 0 < column.count <= len(table)
                if column.is_array:
                    column.matrix()
        found[number] = dict(zip(table.offsets.tolist(), table.rows(), strict=True))
    return found


@dataclass
class Tally:
    """What became of the damaged files of a run."""

    whole: int = 0
    partial: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    largest_peak: int = 0

    def add(self, read: FitContent, took_s: float) -> None:
        self.whole += not read.errors
        self.partial += bool(read.errors and read.messages)
        self.refused += not read.messages
        self.slowest_s = max(self.slowest_s, took_s)

    def __str__(self) -> str:
        return (
            f"{self.whole} whole, {self.partial} partial, {self.refused} refused; "
            f"slowest {self.slowest_s * 1000:.1f} ms of CPU, largest peak {self.largest_peak / 1024:.0f} KiB"
        )


def check(dice: random.Random, tally: Tally, *, decode: bool, weigh: bool) -> None:
    whole = dice.choice(seeds())
    content = bytearray(whole.content)
    first = dice.choice(DAMAGES)(dice, content)
    if content and dice.random() < 0.3:
        first = min(first, dice.choice(DAMAGES)(dice, content))
    damaged = bytes(content)
    if weigh:
        tracemalloc.start()
    started = time.process_time()
    read = read_fit(damaged)
    found = look_at_everything(read)
    if decode:
        with contextlib.suppress(UnreadableFile):
            NativeDecoder().decode(damaged)
    took_s = time.process_time() - started
    if weigh:
        tally.largest_peak = max(tally.largest_peak, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert took_s < MOST_CPU_S
    tally.add(read, took_s)
    if first >= HEADER:
        for message in whole.messages:
            if message.end > first:
                break
            assert found[message.number][message.offset] == message.values
    if not read.errors:
        assert checksums_are_right(damaged)


def checksums_are_right(content: bytes) -> bool:
    """Checked by the definition of the format, without our reader."""
    at = 0
    while at < len(content):
        size = content[at] + int.from_bytes(content[at + 4 : at + 8], "little") + 2
        if crc(content[at : at + size]):
            return False
        at += size
    return True


@cache
def crc_table() -> tuple[int, ...]:
    table = list(range(256))
    for _ in range(8):
        table = [value >> 1 ^ (0xA001 if value & 1 else 0) for value in table]
    return tuple(table)


def crc(content: bytes) -> int:
    """Zero for a content that ends in its own checksum."""
    table, value = crc_table(), 0
    for octet in content:
        value = value >> 8 ^ table[(value ^ octet) & 0xFF]
    return value


def run(count: int, start: int) -> Tally:
    # What is made once for all files is not the cost of the first.
    for number in range(20):
        check(random.Random(number), Tally(), decode=True, weigh=False)
    tally = Tally()
    for number in range(start, start + count):
        try:
            check(random.Random(number), tally, decode=number % 4 == 0, weigh=number % WEIGH_EVERY == 0)
        except Exception as error:
            error.add_note(f"damage number {number}")
            raise
    assert tally.largest_peak < MOST_BYTES
    return tally


def test_damaged_files() -> None:
    tally = run(SHORT_RUN, 0)
    assert tally.partial > tally.refused > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_million_damaged_files(shard: int) -> None:
    each = LONG_RUN // SHARDS
    tally = run(each, SHORT_RUN + shard * each)
    print(f"{each} damaged FIT files read: {tally}")
