"""Generated files, read by ours and by the official SDK: every value of every message is the same."""

from __future__ import annotations

import math
import struct
from typing import Any

from fitparse import FitFile
from garmin_fit_sdk import Decoder, Profile, Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.fit import read_fit
from tests.unit.ingest_edge.files.fit.fit_bytes import data, definition, fit_file

NUMBERS = {
    0x00: "B", 0x01: "b", 0x02: "B", 0x83: "h", 0x84: "H", 0x85: "i", 0x86: "I", 0x0A: "B", 0x8B: "H",
    0x8C: "I", 0x0D: "B", 0x8E: "q", 0x8F: "Q", 0x90: "Q",
}  # fmt: skip
CODES = {
    "enum": 0x00, "bool": 0x00, "sint8": 0x01, "uint8": 0x02, "sint16": 0x83, "uint16": 0x84, "sint32": 0x85,
    "uint32": 0x86, "uint8z": 0x0A, "uint16z": 0x8B, "uint32z": 0x8C, "byte": 0x0D, "date_time": 0x86,
}  # fmt: skip
MESSAGES = {number: message for number, message in Profile["messages"].items() if number not in (206, 207)}
KEYS = {message["messages_key"]: number for number, message in Profile["messages"].items()}

# Where the SDK is known to be wrong, or to go its own way, ours is another: see the tests of reading.
LEFT_OUT = {(132, 10), (20, 8), (105, 2), (106, 2), (372, 1), (80, 2), (81, 2)}
"""Packed beats, speeds, ANT and interval messages: components that fill one target several times."""


@st.composite
def fields(draw: st.DrawFn, number: int) -> list[tuple[int, int, int]]:
    """Fields of a message, each of its own type; now and then one that the profile does not know."""
    known = [
        field
        for field in MESSAGES[number]["fields"].values()
        if field["base_type"] in CODES and (number, field["num"]) not in LEFT_OUT
    ]
    chosen = (
        draw(st.lists(st.sampled_from(known), max_size=8, unique_by=lambda field: field["num"]))
        if known
        else []
    )
    found = [
        (field["num"], CODES[field["base_type"]], draw(st.sampled_from([1, 1, 1, 3]))) for field in chosen
    ]
    # A source of components is one number, as all devices have it.
    single = {field["num"] for field in known if field["has_components"] or field["sub_fields"]}
    layout = [(num, code, 1 if num in single else count) for num, code, count in found]
    if draw(st.booleans()):
        layout.append((240, draw(st.sampled_from(sorted(NUMBERS))), 1))
    return [(num, count * struct.calcsize("<" + NUMBERS[code]), code) for num, code, count in layout]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    parts: list[bytes] = []
    for local in range(draw(st.integers(1, 3))):
        number = draw(st.sampled_from([20, 20, 18, 19, 21, 23, 55, *sorted(MESSAGES)]))
        layout = draw(fields(number))
        big = draw(st.booleans())
        parts.append(definition(local, number, layout, big=big))
        codes = "".join(
            f"{size // struct.calcsize('<' + NUMBERS[code])}{NUMBERS[code]}" for _, size, code in layout
        )
        form = (">" if big else "<") + codes
        seed = draw(st.randoms(use_true_random=False))
        for _ in range(draw(st.sampled_from([1, 3, 40]))):
            size = struct.calcsize(form)
            octets = bytes(seed.choice((0, 1, 2, 11, 42, 127, 255, seed.randrange(256))) for _ in range(size))
            parts.append(data(local, "") + octets)
    return fit_file(*parts)


def read_by_the_sdk(content: bytes) -> dict[int, list[dict[str, Any]]]:
    messages, errors = Decoder(Stream.from_byte_array(bytearray(content))).read(
        convert_datetimes_to_dates=False, convert_types_to_strings=False, merge_heart_rates=False
    )
    assert errors == []
    found: dict[str, Any] = dict(messages)
    return {
        KEYS[key] if key in KEYS else int(key): [
            {str(name): value for name, value in row.items() if value is not None} for row in rows
        ]
        for key, rows in found.items()
        if rows
    }


@settings(max_examples=60, deadline=None)
@given(files())
def test_generated_files_are_read_as_the_sdk_reads_them(content: bytes) -> None:
    read = read_fit(content)
    assert read.errors == ()
    expected = read_by_the_sdk(content)
    assert set(read.messages) == set(expected)
    for number, table in read.messages.items():
        assert list(table.rows()) == expected[number]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 2), st.integers(0, 254), st.integers(0, 65_534)),
        min_size=1,
        max_size=60,
    )
)
def test_generated_records_are_read_as_fitparse_reads_them(rows: list[tuple[int, int, int]]) -> None:
    define = definition(0, 20, [(253, 4, 0x86), (3, 1, 0x02), (6, 2, 0x84)])
    content = fit_file(define, *[data(0, "<IBH", *row) for row in rows])
    theirs = [message.get_values() for message in FitFile(content).get_messages("record")]
    ours = list(read_fit(content).messages[20].rows())
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["heart_rate"] == other["heart_rate"]
        assert math.isclose(mine["enhanced_speed"], other["enhanced_speed"])
