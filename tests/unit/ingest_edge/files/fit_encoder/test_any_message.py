"""Any message of the profile, as the official SDK, fitparse and our decoder read it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import fitparse
import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Profile, Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.fit import read_fit
from ingest_edge.files.fit.profile_data import MESSAGES
from ingest_edge.files.fit_encoder import BaseType, NamedWriter
from ingest_edge.files.fit_encoder.fields_by_name import NamedField, fields_of

# What readers do not hand out as it is: declarations, and heart rates that they merge into records.
SPECIAL = {132, 206, 207}
INTEGERS = (
    *(BaseType.ENUM, BaseType.SINT8, BaseType.UINT8, BaseType.SINT16, BaseType.UINT16, BaseType.SINT32),
    *(BaseType.UINT32, BaseType.UINT8Z, BaseType.UINT16Z, BaseType.UINT32Z),
)


@dataclass(frozen=True)
class Written:
    """A field with the number that the file holds."""

    name: str
    field: NamedField
    raw: Any

    @property
    def value(self) -> Any:
        """The same in the profile's unit."""
        if isinstance(self.raw, int) and self.field.is_scaled:
            return self.raw / self.field.scale - self.field.offset
        return self.raw


def plain_fields(message: int) -> list[tuple[str, NamedField]]:
    """Fields that stand for themselves: without components, sub-fields, and not filled by others."""
    rows = MESSAGES[message][1]
    targets = {component[0] for row in rows.values() for component in row[6]}
    targets |= {component[0] for row in rows.values() for sub in row[7] for component in sub[6]}
    named = fields_of(message)
    return [
        (row[0], named[row[0]])
        for number, row in rows.items()
        if not row[6] and not row[7] and not row[5] and number not in targets
    ]


PLAIN = {number: fields for number in MESSAGES if number not in SPECIAL and (fields := plain_fields(number))}


def raw_values(field: NamedField) -> st.SearchStrategy[Any]:
    kind = field.base_type
    if kind is BaseType.STRING:
        return st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=20)
    if kind.floats:
        return st.floats(-1e6, 1e6, width=32)
    if kind is BaseType.BYTE:
        return st.integers(0, 254)
    limits = np.iinfo(np.dtype(kind.kind))
    return st.integers(int(limits.min), int(limits.max)).filter(lambda value: value != kind.invalid)


@st.composite
def messages(draw: st.DrawFn) -> tuple[int, list[Written]]:
    number = draw(st.sampled_from(sorted(PLAIN)))
    chosen = draw(
        st.lists(
            st.sampled_from(PLAIN[number]), min_size=1, max_size=6, unique_by=lambda each: each[1].number
        )
    )
    return number, [Written(name, field, draw(raw_values(field))) for name, field in chosen]


def written(number: int, fields: list[Written], endian: Any) -> bytes:
    writer = NamedWriter(endian=endian)
    writer.message(MESSAGES[number][0], {each.name: each.value for each in fields})
    return writer.to_bytes()


def by_number(row: Any) -> dict[int, Any]:
    """The numbers that fitparse found; it makes a tuple of every field of bytes."""
    found = {field.def_num: field.raw_value for field in row.fields if field.field_def is not None}
    return {
        number: raw[0] if isinstance(raw, tuple) and len(raw) == 1 else raw for number, raw in found.items()
    }


@settings(max_examples=150, deadline=None)
@given(messages(), st.sampled_from("<>"))
def test_the_official_sdk_reads_what_was_written(message: tuple[int, list[Written]], endian: str) -> None:
    number, fields = message
    stream = Stream.from_byte_array(bytearray(written(number, fields, endian)))
    read: Any
    read, errors = Decoder(stream).read(
        apply_scale_and_offset=False,
        convert_datetimes_to_dates=False,
        convert_types_to_strings=False,
        enable_crc_check=True,
        expand_sub_fields=False,
        expand_components=False,
        merge_heart_rates=False,
    )
    assert errors == []
    (row,) = read[Profile["messages"][number]["messages_key"]]
    assert row == {each.name: each.raw for each in fields}


@settings(max_examples=150, deadline=None)
@given(messages(), st.sampled_from("<>"))
def test_fitparse_reads_what_was_written(message: tuple[int, list[Written]], endian: str) -> None:
    number, fields = message
    (row,) = fitparse.FitFile(io.BytesIO(written(number, fields, endian))).get_messages()
    assert row.mesg_num == number
    assert by_number(row) == {each.field.number: each.raw for each in fields}


@settings(max_examples=150, deadline=None)
@given(messages(), st.sampled_from("<>"))
def test_our_decoder_reads_what_was_written(message: tuple[int, list[Written]], endian: str) -> None:
    number, fields = message
    content = read_fit(written(number, fields, endian))
    assert content.errors == ()
    (row,) = content.messages[number].rows()
    assert row == {
        each.name: each.value if isinstance(each.value, str) else pytest.approx(each.value) for each in fields
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(messages(), min_size=1, max_size=40))
def test_more_kinds_of_messages_than_local_numbers_are_told_apart(
    several: list[tuple[int, list[Written]]],
) -> None:
    writer = NamedWriter()
    for number, fields in several:
        writer.message(MESSAGES[number][0], {each.name: each.value for each in fields})
    read = list(fitparse.FitFile(io.BytesIO(writer.to_bytes())).get_messages())
    assert [row.mesg_num for row in read] == [number for number, _ in several]
    for row, (_, fields) in zip(read, several, strict=True):
        assert by_number(row) == {each.field.number: each.raw for each in fields}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 254), st.integers(0, 65534), st.booleans()), min_size=1, max_size=50)
)
def test_columns_are_read_as_the_same_messages_one_by_one(rows: list[tuple[int, int, bool]]) -> None:
    times = np.arange(len(rows), dtype=np.int64) + 1_000_000_000
    rates, speeds, valid = (np.array(column) for column in zip(*rows, strict=True))
    columns, singles = NamedWriter(), NamedWriter()
    columns.columns(
        "record",
        {"timestamp": times, "heart_rate": rates, "speed": speeds / 1000},
        {"heart_rate": valid.astype(bool)},
    )
    for time, (rate, speed, present) in zip(times.tolist(), rows, strict=True):
        values = {"timestamp": time, "heart_rate": rate if present else None, "speed": speed / 1000}
        singles.message("record", values)
    by_columns = list(read_fit(columns.to_bytes()).messages[20].rows())
    assert by_columns == list(read_fit(singles.to_bytes()).messages[20].rows())


def test_arrays_are_read_with_all_their_items() -> None:
    writer = NamedWriter()
    writer.message("hrv", {"time": [0.8, 0.81, 0.9, 1.25, 0.333]})
    stream = Stream.from_byte_array(bytearray(writer.to_bytes()))
    read: Any = Decoder(stream).read()[0]
    assert read["hrv_mesgs"][0]["time"] == [0.8, 0.81, 0.9, 1.25, 0.333]


def test_a_name_that_the_profile_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="no field pulse"):
        NamedWriter().message("record", {"pulse": 60})
    with pytest.raises(ValueError, match="no message sample"):
        NamedWriter().message("sample", {})


def test_a_value_that_its_field_cannot_hold_is_refused() -> None:
    with pytest.raises((ValueError, OverflowError)):
        NamedWriter().message("record", {"heart_rate": 256})
    with pytest.raises(ValueError, match="outside"):
        NamedWriter().columns("record", {"heart_rate": np.array([60, 256])})


def test_every_base_type_is_that_of_the_official_profile() -> None:
    for number, message in Profile["messages"].items():
        named = fields_of(number)
        for field in message["fields"].values():
            expected = "enum" if field["base_type"] == "bool" else field["base_type"]
            assert named[field["name"]].base_type.name.lower() == expected
