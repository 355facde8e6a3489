"""A damaged file keeps what is whole, and says what was lost and where."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ingest_edge.files.fit import FitContent, read_fit
from tests.unit.ingest_edge.files.fit.fit_bytes import (
    EVENT,
    RECORD,
    RECORD_IB,
    UINT8,
    data,
    definition,
    field_description,
    fit_file,
    heart_rates,
)

T0 = 1_000_000_000


def heart_rates_of(read: FitContent) -> list[Any]:
    table = read.messages.get(RECORD)
    return [] if table is None else [row.get("heart_rate") for row in table.rows()]


def reasons(read: FitContent) -> list[tuple[int | None, str]]:
    return [(error.offset, error.reason) for error in read.errors]


def test_a_bad_checksum_is_reported_and_all_is_read() -> None:
    content = fit_file(RECORD_IB, heart_rates(0, T0, [60, 61]), checksum=0x1234)
    read = read_fit(content)
    assert heart_rates_of(read) == [60, 61]
    assert reasons(read) == [(len(content) - 2, "the checksum is wrong")]


def test_an_absent_checksum_is_reported() -> None:
    content = fit_file(RECORD_IB, heart_rates(0, T0, [60]), checksum=0)
    assert reasons(read_fit(content)) == [(len(content) - 2, "the checksum is absent (zero)")]


def test_a_bad_header_checksum_is_reported() -> None:
    read = read_fit(fit_file(RECORD_IB, heart_rates(0, T0, [60]), header_checksum=0x0101))
    assert heart_rates_of(read) == [60]
    assert (12, "the header's checksum is wrong") in reasons(read)


def test_a_data_size_of_zero_is_read_to_the_end() -> None:
    read = read_fit(fit_file(RECORD_IB, heart_rates(0, T0, [60, 61]), data_size=0))
    assert heart_rates_of(read) == [60, 61]
    assert read.errors[0].offset == 4


def test_trailing_bytes_are_reported() -> None:
    content = fit_file(RECORD_IB, heart_rates(0, T0, [60]))
    read = read_fit(content + b"rubbish at the end")
    assert heart_rates_of(read) == [60]
    assert reasons(read) == [(len(content), "18 bytes follow the end of the file")]


def test_a_file_cut_at_any_byte_keeps_what_was_whole() -> None:
    content = fit_file(
        RECORD_IB, heart_rates(0, T0, range(1, 61)), definition(1, EVENT, [(0, 1, 0)]), data(1, "<B", 7)
    )
    start = 14 + len(RECORD_IB)
    for size in range(len(content)):
        read = read_fit(content[:size])
        assert read.errors, size
        assert heart_rates_of(read) == list(range(1, 1 + min(60, max(0, size - start) // 6))), size


def test_an_undefined_local_number_ends_the_reading() -> None:
    read = read_fit(fit_file(RECORD_IB, heart_rates(0, T0, [60]), data(5, "<B", 1), heart_rates(0, T0, [61])))
    assert heart_rates_of(read) == [60]
    offset = 14 + len(RECORD_IB) + 6
    assert reasons(read) == [
        (offset, "a message of the undeclared local type 5; the 8 bytes that follow cannot be read")
    ]


def test_local_numbers_of_one_link_mean_nothing_in_the_next() -> None:
    first = fit_file(RECORD_IB, heart_rates(0, T0, [60]))
    second = fit_file(heart_rates(0, T0, [61]))
    read = read_fit(first + second)
    assert heart_rates_of(read) == [60]
    assert read.errors[0].offset == len(first) + 14


def test_a_later_link_is_read_though_the_earlier_one_is_damaged() -> None:
    damaged = fit_file(RECORD_IB, heart_rates(0, T0, [60]), data(5, "<B", 1))
    read = read_fit(damaged + fit_file(RECORD_IB, heart_rates(0, T0, [61])))
    assert heart_rates_of(read) == [60, 61]
    assert len(read.errors) == 1


@pytest.mark.parametrize("content", [b"", b".FIT", b"\x0e" * 400, b"PK\x03\x04" * 9], ids=repr)
def test_what_is_no_fit_file_holds_nothing(content: bytes) -> None:
    read = read_fit(content)
    assert not read.messages
    assert read.links == ()
    assert read.errors[0].offset == 0


def test_a_definition_that_is_cut_off_is_reported() -> None:
    read = read_fit(fit_file(RECORD_IB, heart_rates(0, T0, [60]), definition(1, EVENT, [(0, 1, 0)] * 9)[:-5]))
    assert heart_rates_of(read) == [60]
    assert reasons(read) == [(14 + len(RECORD_IB) + 6, "the last message is cut off")]


def test_a_run_whose_last_message_is_cut_off_keeps_the_others() -> None:
    body = heart_rates(0, T0, range(1, 101))[:-2]
    read = read_fit(fit_file(RECORD_IB, body))
    assert heart_rates_of(read) == list(range(1, 100))
    assert reasons(read) == [(14 + len(RECORD_IB) + 99 * 6, "the last message is cut off")]


def test_the_checksum_is_no_message_of_a_run() -> None:
    # The two bytes after the data would go on with the run, were they taken for data.
    define = definition(0, RECORD, [(3, 1, UINT8)])
    read = read_fit(fit_file(define, *[data(0, "<B", 0)] * 20, checksum=0))
    assert len(read.messages[RECORD]) == 20


def test_a_declaration_that_changes_without_end_is_given_up() -> None:
    define = definition(0, RECORD, [], [(5, 1, 0)])
    changes = [field_description(0, 5, UINT8, "x", native=index % 250) for index in range(300)]
    read = read_fit(fit_file(define, *[change + data(0, "<B", 1) for change in changes]))
    declared = read.messages[RECORD].developer["x"].developer
    assert declared is not None
    assert read.messages[RECORD].developer["x"].count == 300
    assert len(read.messages[RECORD]) == 300


def test_more_definitions_than_any_device_writes_are_given_up() -> None:
    wide = [
        definition(
            0, 0xFF00, [(field, 1, UINT8) for field in range(200)] + [(1 + index % 250, 1 + index // 250, 2)]
        )
        + bytes(202 + index // 250)
        for index in range(250)
    ]
    read = read_fit(fit_file(*wide))
    assert read.errors
    assert "more definitions than any device writes" in read.errors[0].reason
    assert len(read.messages[0xFF00]) > 50


def test_links_without_end_are_given_up() -> None:
    empty = struct.pack("<BBHI4s", 12, 0x20, 2100, 0, b".FIT") + b"\0\0"
    read = read_fit(empty * 1500)
    assert any("more chained files" in error.reason for error in read.errors)
