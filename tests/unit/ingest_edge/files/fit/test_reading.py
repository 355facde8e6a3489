"""What lies in a FIT file is read as it is meant, however it was laid out: one layout a test."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from ingest_edge.files.fit import full_timestamps, merged_heart_rate, read_fit
from tests.unit.ingest_edge.files.fit.fit_bytes import (
    BYTE,
    ENUM,
    EVENT,
    FLOAT32,
    FLOAT64,
    HR,
    MONITORING,
    RECORD,
    RECORD_IB,
    SINT8,
    SINT16,
    SINT32,
    SINT64,
    STRING,
    UINT8,
    UINT8Z,
    UINT16,
    UINT16Z,
    UINT32,
    UINT32Z,
    UINT64,
    UINT64Z,
    compressed,
    data,
    definition,
    developer_data_id,
    field_description,
    fit_file,
    heart_rates,
)

T0 = 1_000_000_000
FEW_AND_MANY = pytest.mark.parametrize("copies", [1, 40], ids=["few messages", "many messages"])
"""Tables of few messages and of many are made in two ways, which must agree."""


def rows(content: bytes, number: int = RECORD) -> list[dict[str, Any]]:
    read = read_fit(content)
    assert read.errors == ()
    table = read.messages[number]
    listed = list(table.rows())
    assert len(listed) == len(table)
    for name, column in table.columns.items():
        present = [True] * len(table) if column.present is None else column.present.tolist()
        assert present == [name in row for row in listed]
        assert column.count == sum(present)
        assert len(column.values) == len(table)
        assert column.compact().tolist() == [row[name] for row in listed if name in row]
    return listed


def values(content: bytes, name: str, number: int = RECORD) -> list[Any]:
    return [row.get(name) for row in rows(content, number)]


@FEW_AND_MANY
def test_big_endian_messages(copies: int) -> None:
    define = definition(0, RECORD, [(253, 4, UINT32), (7, 2, UINT16)], big=True)
    content = fit_file(define, *[data(0, ">IH", T0 + index, 300) for index in range(copies)])
    assert values(content, "timestamp") == [T0 + index for index in range(copies)]
    assert values(content, "power") == [300] * copies


@FEW_AND_MANY
def test_endianness_that_flips_in_the_middle(copies: int) -> None:
    fields = [(7, 2, UINT16)]
    content = fit_file(
        definition(0, RECORD, fields),
        *[data(0, "<H", 1000)] * copies,
        definition(0, RECORD, fields, big=True),
        *[data(0, ">H", 2000)] * copies,
    )
    assert values(content, "power") == [1000] * copies + [2000] * copies


@FEW_AND_MANY
def test_a_redefinition_with_other_fields(copies: int) -> None:
    content = fit_file(
        RECORD_IB,
        heart_rates(0, T0, [100] * copies),
        definition(0, RECORD, [(7, 2, UINT16), (253, 4, UINT32)]),
        *[data(0, "<HI", 250, T0 + 99)] * copies,
    )
    assert values(content, "heart_rate") == [100] * copies + [None] * copies
    assert values(content, "power") == [None] * copies + [250] * copies
    assert values(content, "timestamp")[-1] == T0 + 99


def test_a_redefinition_before_every_message() -> None:
    wide = definition(0, RECORD, [(253, 4, UINT32), (3, 1, UINT8), (7, 2, UINT16)])
    parts = []
    for index in range(500):
        parts += (
            [RECORD_IB, data(0, "<IB", T0 + index, 100)] if index % 2 else [wide, data(0, "<IBH", T0, 90, 5)]
        )
    read = read_fit(fit_file(*parts)).messages[RECORD]
    assert read.columns["heart_rate"].values.tolist() == [90, 100] * 250
    assert read.columns["power"].count == 250


@FEW_AND_MANY
def test_a_local_number_used_for_another_message(copies: int) -> None:
    content = fit_file(
        RECORD_IB,
        heart_rates(0, T0, [100] * copies),
        definition(0, EVENT, [(0, 1, ENUM)]),
        *[data(0, "<B", 7)] * copies,
        RECORD_IB,
        heart_rates(0, T0 + 50, [120] * copies),
    )
    assert values(content, "heart_rate") == [100] * copies + [120] * copies
    assert values(content, "event", EVENT) == [7] * copies


@FEW_AND_MANY
def test_local_numbers_that_alternate_stay_in_the_order_of_the_file(copies: int) -> None:
    other = definition(1, RECORD, [(253, 4, UINT32), (7, 2, UINT16)])
    pairs = [heart_rates(0, T0 + 2 * n, [90]) + data(1, "<IH", T0 + 2 * n + 1, 200) for n in range(copies)]
    content = fit_file(RECORD_IB, other, *pairs)
    assert values(content, "timestamp") == list(range(T0, T0 + 2 * copies))
    table = read_fit(content).messages[RECORD]
    assert table.order.tolist() == list(range(2 * copies))
    assert np.all(np.diff(table.offsets) > 0)


@FEW_AND_MANY
def test_compressed_timestamps_roll_over(copies: int) -> None:
    content = fit_file(
        RECORD_IB,
        data(0, "<IB", T0 - T0 % 32 + 30, 100),
        definition(1, RECORD, [(3, 1, UINT8)]),
        *[compressed(1, (30 + step) % 32, "<B", 101) for step in range(1, copies + 1)],
    )
    assert values(content, "timestamp") == [T0 - T0 % 32 + 30 + step for step in range(copies + 1)]


def test_compressed_timestamps_over_a_gap_of_31_seconds() -> None:
    start = T0 - T0 % 32 + 5
    content = fit_file(
        RECORD_IB,
        data(0, "<IB", start, 100),
        definition(1, RECORD, [(3, 1, UINT8)]),
        compressed(1, 4, "<B", 1),
    )
    assert values(content, "timestamp") == [start, start + 31]


def test_compressed_timestamps_refer_to_messages_of_any_kind() -> None:
    start = T0 - T0 % 32
    content = fit_file(
        definition(2, EVENT, [(253, 4, UINT32)], big=True),
        data(2, ">I", start + 40),
        definition(1, RECORD, [(3, 1, UINT8)]),
        compressed(1, 10, "<B", 1),
        data(2, ">I", start + 100),
        compressed(1, 5, "<B", 1),
    )
    assert values(content, "timestamp") == [start + 42, start + 101]


def test_compressed_timestamps_without_any_reference_count_from_zero() -> None:
    content = fit_file(
        definition(1, RECORD, [(3, 1, UINT8)]), compressed(1, 7, "<B", 1), compressed(1, 2, "<B", 1)
    )
    assert values(content, "timestamp") == [7, 34]


@FEW_AND_MANY
def test_compressed_timestamps_beside_ones_of_an_odd_size_leave_the_others_alone(copies: int) -> None:
    content = fit_file(
        RECORD_IB,
        *[heart_rates(0, T0, [80])] * copies,
        definition(1, RECORD, [(3, 1, UINT8)]),
        *[compressed(1, T0 % 32, "<B", 81)] * copies,
        definition(2, RECORD, [(253, 3, UINT32), (3, 1, UINT8)]),
        *[data(2, "<3BB", 1, 2, 3, 82)] * copies,
    )
    assert values(content, "timestamp") == [T0] * (2 * copies) + [[1, 2, 3]] * copies


@FEW_AND_MANY
def test_messages_whose_only_times_are_compressed_have_a_timestamp(copies: int) -> None:
    content = fit_file(
        definition(0, EVENT, [(253, 4, UINT32)]),
        data(0, "<I", T0),
        definition(1, RECORD, [(3, 1, UINT8)]),
        *[compressed(1, T0 % 32, "<B", 81)] * copies,
    )
    assert values(content, "timestamp") == [T0] * copies


@FEW_AND_MANY
def test_arrays_that_most_messages_have(copies: int) -> None:
    content = fit_file(
        definition(0, 0xFF00, [(1, 4, UINT16)]),
        *[data(0, "<2H", 700, 0xFFFF), data(0, "<2H", 0xFFFF, 0xFFFF), data(0, "<2H", 1, 2)] * copies,
        definition(0, 0xFF00, [(2, 1, UINT8)]),
        *[data(0, "<B", 5)] * copies,
    )
    assert values(content, "1", 0xFF00) == [[700, None], None, [1, 2]] * copies + [None] * copies


@pytest.mark.parametrize("header_size", [12, 14, 16])
def test_headers_of_any_size(header_size: int) -> None:
    content = fit_file(RECORD_IB, heart_rates(0, T0, [60, 61]), header_size=header_size)
    assert values(content, "heart_rate") == [60, 61]


def test_a_header_checksum_of_zero_is_legal() -> None:
    assert values(fit_file(RECORD_IB, heart_rates(0, T0, [60]), header_checksum=0), "heart_rate") == [60]


INVALIDS = {
    "enum": (ENUM, "B", 0xFF, 1),
    "sint8": (SINT8, "b", 0x7F, -1),
    "uint8": (UINT8, "B", 0xFF, 0),
    "sint16": (SINT16, "h", 0x7FFF, -32768),
    "uint16": (UINT16, "H", 0xFFFF, 0),
    "sint32": (SINT32, "i", 0x7FFFFFFF, -5),
    "uint32": (UINT32, "I", 0xFFFFFFFF, 0),
    "uint8z": (UINT8Z, "B", 0, 255),
    "uint16z": (UINT16Z, "H", 0, 65535),
    "uint32z": (UINT32Z, "I", 0, 2**32 - 1),
    "byte": (BYTE, "B", 0xFF, 0),
    "sint64": (SINT64, "q", 2**63 - 1, -(2**62)),
    "uint64": (UINT64, "Q", 2**64 - 1, 2**64 - 2),
    "uint64z": (UINT64Z, "Q", 0, 2**63),
    "float32": (FLOAT32, "f", float("nan"), 1.5),
    "float64": (FLOAT64, "d", float("nan"), -1e300),
}


@FEW_AND_MANY
@pytest.mark.parametrize(("base_type", "code", "invalid", "valid"), INVALIDS.values(), ids=INVALIDS)
def test_the_invalid_value_of_each_base_type(
    base_type: int, code: str, invalid: float, valid: float, copies: int
) -> None:
    size = struct.calcsize(code)
    define = definition(0, 0xFF00, [(1, size, base_type), (2, size, base_type)])
    pair = data(0, "<2" + code, valid, invalid) + data(0, "<2" + code, invalid, invalid)
    listed = rows(fit_file(define, *[pair] * copies), 0xFF00)
    assert listed == [{"1": valid}, {}] * copies


@FEW_AND_MANY
def test_the_largest_numbers_in_either_endianness(copies: int) -> None:
    for big in (False, True):
        define = definition(0, 0xFF00, [(1, 8, UINT64), (2, 8, SINT64)], big=big)
        pair = data(0, ">Qq" if big else "<Qq", 2**64 - 2, -(2**63))
        assert rows(fit_file(define, *[pair] * copies), 0xFF00) == [{"1": 2**64 - 2, "2": -(2**63)}] * copies


@FEW_AND_MANY
def test_all_ones_is_the_invalid_float(copies: int) -> None:
    define = definition(0, 0xFF00, [(1, 4, FLOAT32), (2, 8, FLOAT64), (3, 1, UINT8)])
    listed = rows(fit_file(define, *[data(0, "<4s8sB", b"\xff" * 4, b"\xff" * 8, 1)] * copies), 0xFF00)
    assert listed == [{"3": 1}] * copies


@FEW_AND_MANY
def test_messages_without_a_timestamp(copies: int) -> None:
    content = fit_file(RECORD_IB, *[data(0, "<IB", 0xFFFFFFFF, 90)] * copies)
    assert rows(content) == [{"heart_rate": 90}] * copies


def test_small_and_backward_timestamps_are_kept_as_they_are() -> None:
    content = fit_file(RECORD_IB, data(0, "<IB", 50, 1), data(0, "<IB", T0, 2), data(0, "<IB", T0 - 9, 3))
    assert values(content, "timestamp") == [50, T0, T0 - 9]


@FEW_AND_MANY
def test_altitude_fills_enhanced_altitude_and_an_absent_one_leaves_it(copies: int) -> None:
    define = definition(0, RECORD, [(2, 2, UINT16), (78, 4, UINT32)])
    pair = data(0, "<HI", 3000, 0xFFFFFFFF) + data(0, "<HI", 0xFFFF, 4000) + data(0, "<HI", 3500, 9999)
    content = fit_file(define, *[pair] * copies)
    assert values(content, "altitude") == [100, None, 200] * copies
    assert values(content, "enhanced_altitude") == [100, 300, 200] * copies


@FEW_AND_MANY
def test_the_later_of_two_fields_with_one_number_counts_where_it_is_there(copies: int) -> None:
    define = definition(0, RECORD, [(3, 1, UINT8), (3, 1, UINT8)])
    pair = data(0, "<BB", 90, 100) + data(0, "<BB", 91, 255) + data(0, "<BB", 255, 102)
    assert values(fit_file(define, *[pair] * copies), "heart_rate") == [100, 91, 102] * copies


@FEW_AND_MANY
def test_arrays_where_the_profile_has_one_number(copies: int) -> None:
    define = definition(0, RECORD, [(7, 6, UINT16)])
    content = fit_file(define, *[data(0, "<3H", 100, 0xFFFF, 300)] * copies, data(0, "<3H", *[0xFFFF] * 3))
    assert values(content, "power") == [[100, None, 300]] * copies + [None]


@FEW_AND_MANY
def test_numbers_in_some_messages_and_arrays_in_others(copies: int) -> None:
    content = fit_file(
        definition(0, RECORD, [(7, 2, UINT16)]),
        *[data(0, "<H", 7)] * copies,
        definition(0, RECORD, [(7, 4, UINT16)]),
        *[data(0, "<2H", 8, 9)] * (3 * copies),
    )
    assert values(content, "power") == [7] * copies + [[8, 9]] * (3 * copies)


@FEW_AND_MANY
def test_scaled_arrays(copies: int) -> None:
    content = fit_file(definition(0, 78, [(0, 4, UINT16)]), *[data(0, "<2H", 800, 0xFFFF)] * copies)
    assert values(content, "time", 78) == [[0.8, None]] * copies


@FEW_AND_MANY
def test_sizes_that_the_type_does_not_divide_are_small_numbers(copies: int) -> None:
    define = definition(0, RECORD, [(7, 3, UINT16), (3, 1, UINT8)])
    content = fit_file(define, *[data(0, "<3BB", 1, 2, 255, 90)] * copies)
    assert values(content, "power") == [[1, 2, None]] * copies
    assert values(content, "heart_rate") == [90] * copies


@FEW_AND_MANY
def test_a_field_narrower_than_its_type(copies: int) -> None:
    define = definition(0, RECORD, [(253, 4, UINT32), (5, 1, UINT32)])
    content = fit_file(define, *[data(0, "<IB", T0, 50), data(0, "<IB", T0, 255)] * copies)
    assert values(content, "distance") == [0.5, None] * copies


@FEW_AND_MANY
def test_fields_of_zero_size_are_stepped_over(copies: int) -> None:
    define = definition(0, RECORD, [(253, 4, UINT32), (7, 0, UINT16), (3, 1, UINT8)])
    content = fit_file(define, *[data(0, "<IB", T0, 90)] * copies)
    assert rows(content) == [{"timestamp": T0, "heart_rate": 90}] * copies


@FEW_AND_MANY
def test_unknown_base_types_are_bytes(copies: int) -> None:
    define = definition(0, RECORD, [(7, 2, 0x1E), (3, 1, UINT8)])
    content = fit_file(define, *[data(0, "<2BB", 1, 2, 90)] * copies)
    assert rows(content) == [{"power": [1, 2], "heart_rate": 90}] * copies


@FEW_AND_MANY
def test_bytes_are_all_there_or_none(copies: int) -> None:
    define = definition(0, 0xFF00, [(1, 2, BYTE)])
    content = fit_file(define, *[data(0, "<2B", 255, 1), data(0, "<2B", 255, 255)] * copies)
    assert values(content, "1", 0xFF00) == [[255, 1], None] * copies


@FEW_AND_MANY
def test_bad_utf8_is_left_out_and_text_ends_at_its_end(copies: int) -> None:
    define = definition(0, 0, [(8, 6, STRING)])
    parts = [data(0, "6s", b"A\xff\xfeB\0\0"), data(0, "6s", b"whole!"), data(0, "6s", b"\0" * 6)]
    assert values(fit_file(define, *parts * copies), "product_name", 0) == ["AB", "whole!", None] * copies


@FEW_AND_MANY
def test_several_texts_in_one_field(copies: int) -> None:
    content = fit_file(definition(0, 0, [(8, 6, STRING)]), *[data(0, "6s", b"ab\0cd\0")] * copies)
    assert values(content, "product_name", 0) == [["ab", "cd"]] * copies


@FEW_AND_MANY
def test_definitions_without_a_field(copies: int) -> None:
    content = fit_file(definition(0, RECORD, []), *[data(0, "")] * copies)
    assert rows(content) == [{}] * copies


@FEW_AND_MANY
def test_messages_and_fields_that_the_profile_does_not_know(copies: int) -> None:
    content = fit_file(definition(0, 0xFF01, [(77, 2, UINT16)]), *[data(0, "<H", 5)] * copies)
    assert read_fit(content).messages[0xFF01].name == "65281"
    assert rows(content, 0xFF01) == [{"77": 5}] * copies


@FEW_AND_MANY
def test_sub_fields_follow_the_field_that_decides(copies: int) -> None:
    define = definition(0, EVENT, [(0, 1, ENUM), (3, 4, UINT32)])
    parts = [data(0, "<BI", 0, 1), data(0, "<BI", 11, 3700), data(0, "<BI", 255, 5), data(0, "<BI", 200, 6)]
    assert (
        rows(fit_file(define, *parts * copies), EVENT)
        == [
            {"event": 0, "data": 1, "timer_trigger": 1},
            {"event": 11, "data": 3700, "battery_level": 3.7},
            {"data": 5},
            {"event": 200, "data": 6},
        ]
        * copies
    )


@FEW_AND_MANY
def test_components_of_a_sub_field(copies: int) -> None:
    define = definition(0, EVENT, [(0, 1, ENUM), (3, 4, UINT32)])
    content = fit_file(define, *[data(0, "<BI", 42, 0x0B02_3405)] * copies, data(0, "<BI", 9, 1))
    first = rows(content, EVENT)[0]
    assert first["gear_change_data"] == 0x0B02_3405
    gears = [first[name] for name in ("rear_gear_num", "rear_gear", "front_gear_num", "front_gear")]
    assert gears == [5, 0x34, 2, 11]
    assert "rear_gear" not in rows(content, EVENT)[-1]


@FEW_AND_MANY
def test_two_components_of_one_byte(copies: int) -> None:
    content = fit_file(definition(0, MONITORING, [(24, 1, BYTE)]), *[data(0, "<B", 3 << 5 | 6)] * copies)
    assert (
        rows(content, MONITORING)
        == [{"current_activity_type_intensity": 0x66, "activity_type": 6, "intensity": 3}] * copies
    )


@FEW_AND_MANY
def test_an_accumulated_field_rolls_over(copies: int) -> None:
    counts = [250, 254, 2, 1] * copies
    content = fit_file(definition(0, RECORD, [(18, 1, UINT8)]), *[data(0, "<B", count) for count in counts])
    total, expected = 250, []
    for before, count in zip([250, *counts], counts, strict=False):
        total += (count - before) % 256
        expected.append(total)
    assert values(content, "total_cycles") == expected


def test_a_full_value_starts_an_accumulated_field_anew() -> None:
    content = fit_file(
        definition(0, RECORD, [(19, 4, UINT32)]),
        data(0, "<I", 1000),
        definition(1, RECORD, [(18, 1, UINT8)]),
        data(1, "<B", 1000 % 256 + 5),
    )
    assert values(content, "total_cycles") == [1000, 1005]


@FEW_AND_MANY
def test_compressed_speed_and_distance(copies: int) -> None:
    define = definition(0, RECORD, [(8, 3, BYTE)])
    sixteenths = [(100 + 900 * step) % 4096 for step in range(6 * copies)]
    parts = [data(0, "<3B", 250 & 0xFF, 250 >> 8 | (d & 15) << 4, d >> 4) for d in sixteenths]
    content = fit_file(define, *parts)
    assert values(content, "speed") == [2.5] * len(parts)
    assert values(content, "enhanced_speed") == [2.5] * len(parts)
    assert values(content, "distance") == [(100 + 900 * step) / 16 for step in range(6 * copies)]


@FEW_AND_MANY
def test_heart_beats_with_twelve_bits_of_time_each(copies: int) -> None:
    content = fit_file(
        definition(0, HR, [(253, 4, UINT32), (9, 4, UINT32), (6, 1, UINT8)]),
        data(0, "<IIB", T0, 2048, 70),
        definition(1, HR, [(10, 3, BYTE), (6, 2, UINT8)]),
        *[data(1, "<3B2B", 0x00, 0x0C, 0xF8, 71, 72)] * copies,
    )
    times = values(content, "event_timestamp", HR)
    assert times[0] == 2
    assert times[1] == [3.0, 3.875]
    assert all(len(pair) == 2 and pair[0] < pair[1] for pair in times[1:])
    assert values(content, "filtered_bpm", HR) == [70] + [[71, 72]] * copies


@FEW_AND_MANY
def test_the_lower_bits_of_a_timestamp_are_a_field_of_their_own(copies: int) -> None:
    content = fit_file(definition(0, MONITORING, [(26, 2, UINT16)]), *[data(0, "<H", 61_000)] * copies)
    assert values(content, "timestamp_16", MONITORING) == [61_000] * copies


@FEW_AND_MANY
def test_developer_fields_have_the_names_that_apps_gave_them(copies: int) -> None:
    content = fit_file(
        developer_data_id(0),
        field_description(0, 5, FLOAT32, "Power"),
        field_description(0, 6, UINT8, "Power"),
        definition(0, RECORD, [(3, 1, UINT8)], [(5, 4, 0), (6, 1, 0)]),
        *[data(0, "<BfB", 90, 210.5, 7), data(0, "<BfB", 91, float("nan"), 255)] * copies,
    )
    assert (
        rows(content)
        == [
            {"heart_rate": 90, "developer_fields": {"Power": 210.5, "Power_0_6": 7}},
            {"heart_rate": 91},
        ]
        * copies
    )
    column = read_fit(content).messages[RECORD].developer["Power"]
    assert column.units == "u"
    assert column.developer is not None


@FEW_AND_MANY
def test_undeclared_developer_fields_are_stepped_over(copies: int) -> None:
    content = fit_file(
        definition(0, RECORD, [(3, 1, UINT8)], [(5, 4, 0)]), *[data(0, "<B4s", 90, b"abcd")] * copies
    )
    assert rows(content) == [{"heart_rate": 90}] * copies


def test_a_field_declared_after_its_definition_counts_from_there_on() -> None:
    define = definition(0, RECORD, [(3, 1, UINT8)], [(5, 1, 0)])
    content = fit_file(
        define, data(0, "<BB", 90, 1), field_description(0, 5, UINT8, "late"), data(0, "<BB", 91, 2)
    )
    assert rows(content) == [{"heart_rate": 90}, {"heart_rate": 91, "developer_fields": {"late": 2}}]


def test_developer_fields_of_one_file_mean_nothing_in_the_next() -> None:
    define = definition(0, RECORD, [(3, 1, UINT8)], [(5, 1, 0)])
    with_name = fit_file(field_description(0, 5, UINT8, "mine"), define, data(0, "<BB", 90, 1))
    without = fit_file(define, data(0, "<BB", 91, 2))
    assert rows(with_name) == [{"heart_rate": 90, "developer_fields": {"mine": 1}}]
    assert rows(without) == [{"heart_rate": 91}]
    assert rows(with_name + without) == [
        {"heart_rate": 90, "developer_fields": {"mine": 1}},
        {"heart_rate": 91},
    ]


@FEW_AND_MANY
def test_chained_files_are_read_one_after_the_other(copies: int) -> None:
    first = fit_file(RECORD_IB, heart_rates(0, T0, [100] * copies))
    second = fit_file(definition(3, RECORD, [(7, 2, UINT16)]), *[data(3, "<H", 200)] * copies)
    assert rows(first + second) == rows(first) + rows(second)
    read = read_fit(first + second)
    assert [len(link.messages[RECORD]) for link in read.links] == [copies, copies]
    assert read.messages[RECORD].order.tolist() == list(range(2 * copies))


def test_only_the_wanted_messages_are_offered() -> None:
    content = fit_file(
        RECORD_IB, heart_rates(0, T0, [1]), definition(1, EVENT, [(0, 1, ENUM)]), data(1, "<B", 1)
    )
    assert list(read_fit(content, wanted={EVENT}).messages) == [EVENT]


def test_reserved_bits_in_a_header_mean_nothing() -> None:
    content = fit_file(RECORD_IB, b"\x10" + struct.pack("<IB", T0, 1), b"\x20" + struct.pack("<IB", T0, 2))
    assert values(content, "heart_rate") == [1, 2]


def test_the_lower_bits_of_timestamps_are_counted_on_from_the_last_full_one() -> None:
    full = np.array([np.nan, 0x1_FFF0, np.nan, np.nan, np.nan, 0x5_0000, np.nan])
    lower = np.array([7, np.nan, 0xFFF5, 2, np.nan, np.nan, 9])
    times = full_timestamps(full, lower)
    assert times.tolist()[1:4] == [0x1_FFF0, 0x1_FFF5, 0x2_0002]
    assert times.tolist()[5:] == [0x5_0000, 0x5_0009]
    assert np.isnan(times[[0, 4]]).all()


def test_the_heart_rate_of_a_strap_is_merged_into_the_records_between_which_it_beat() -> None:
    anchor = definition(2, HR, [(253, 4, UINT32), (9, 4, UINT32), (6, 1, UINT8)])
    content = fit_file(
        RECORD_IB,
        heart_rates(0, T0, [255, 255, 255]),
        *[
            anchor + data(2, "<IIB", T0 + tick, 1024 * tick, rate)
            for tick, rate in ((0, 60), (1, 90), (2, 100), (3, 1))
        ],
    )
    merged = merged_heart_rate(read_fit(content))
    assert merged is not None
    # Each rate is carried on in steps of a quarter of a second until the next beat.
    assert merged.tolist() == [60, 68, 93]
