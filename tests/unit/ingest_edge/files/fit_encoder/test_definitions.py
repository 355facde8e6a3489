from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from ingest_edge.files.fit_crc import fit_crc
from ingest_edge.files.fit_encoder import BaseType, DeveloperFitField, FitDefinition, FitField, FitWriter
from ingest_edge.files.fit_encoder.writer import Checksum

HEART_RATE = FitField(3, BaseType.UINT8)
POWER = FitField(7, BaseType.UINT16)


def test_an_empty_file_is_a_header_and_a_checksum() -> None:
    content = FitWriter().to_bytes()
    assert (content[0], content[8:12], len(content)) == (14, b".FIT", 16)
    assert struct.unpack_from("<H", content, 12)[0] == fit_crc(content[:12])
    assert fit_crc(content) == 0


def test_a_header_of_twelve_bytes_has_no_checksum_of_its_own() -> None:
    content = FitWriter(header_size=12).to_bytes()
    assert (content[0], len(content)) == (12, 14)


@pytest.mark.parametrize("checksum", ["zero", "bad"])
def test_a_checksum_can_be_absent_or_wrong(checksum: Checksum) -> None:
    # After a header that ends with its own checksum the file's would be zero, right or not.
    content = FitWriter(header_size=12).to_bytes(checksum=checksum)
    stored = struct.unpack("<H", content[-2:])[0]
    assert stored != fit_crc(content[:-2])
    assert (stored == 0) == (checksum == "zero")


def test_a_definition_lists_its_fields_in_its_byte_order() -> None:
    definition = FitDefinition(5, 20, (HEART_RATE, POWER), ">")
    assert definition.encode_definition() == bytes([0x45, 0, 1, 0, 20, 2, 3, 1, 0x02, 7, 2, 0x84])


def test_a_message_holds_the_invalid_of_what_is_left_out() -> None:
    definition = FitDefinition(5, 20, (HEART_RATE, POWER), ">")
    assert definition.encode({7: 258}) == bytes([5, 0xFF, 1, 2])


def test_columns_encode_as_their_messages_do() -> None:
    definition = FitDefinition(2, 20, (HEART_RATE, POWER))
    rates, powers = np.array([60, 61, 0], np.int64), np.array([100, 0, 300], np.int64)
    valid = np.array([True, False, True])
    rows = definition.encode_columns({3: rates, 7: powers}, {7: valid})
    expected = b"".join(
        definition.encode({3: int(rate), 7: int(power) if present else None})
        for rate, power, present in zip(rates, powers, valid, strict=True)
    )
    assert rows.tobytes() == expected


def test_a_compressed_timestamp_is_in_the_header() -> None:
    definition = FitDefinition(2, 20, (HEART_RATE,))
    assert definition.encode({3: 60}, time_offset=37)[0] == 0x80 | 2 << 5 | 5


def test_a_compressed_timestamp_has_no_room_for_a_high_local_number() -> None:
    with pytest.raises(ValueError, match="0 to 3 only"):
        FitDefinition(4, 20, (HEART_RATE,)).encode({3: 60}, time_offset=1)


def test_a_value_that_does_not_fit_is_refused_and_not_wrapped() -> None:
    definition = FitDefinition(2, 20, (HEART_RATE,))
    with pytest.raises((OverflowError, ValueError)):
        definition.encode({3: 256})
    with pytest.raises(ValueError, match="outside"):
        definition.encode_columns({3: np.array([256], np.int64)}, {})


def test_text_longer_than_its_field_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        FitDefinition(2, 0, (FitField(8, BaseType.STRING, 3),)).encode({8: "four"})


def test_a_field_that_is_not_in_the_definition_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the definition"):
        FitDefinition(2, 20, (HEART_RATE,)).encode({4: 1})


def test_developer_fields_follow_with_their_developer_s_index() -> None:
    definition = FitDefinition(
        1, 20, (HEART_RATE,), developer_fields=(DeveloperFitField(2, 7, BaseType.UINT16),)
    )
    assert definition.encode_definition() == bytes([0x61, 0, 0, 20, 0, 1, 3, 1, 0x02, 1, 7, 2, 2])
    assert definition.encode({3: 60, (2, 7): 513}) == bytes([1, 60, 1, 2])


def test_columns_hold_arrays_texts_and_floats_as_messages_do() -> None:
    fields = (
        FitField(1, BaseType.UINT16, 3),
        FitField(2, BaseType.STRING, 6),
        FitField(3, BaseType.FLOAT32),
    )
    definition = FitDefinition(0, 99, fields, ">")
    arrays = np.array([[1, 2, 3], [4, 5, 6]], np.int64)
    texts, floats = np.array([b"left", b"right"]), np.array([1.5, 2.5])
    valid = np.array([True, False])
    rows = definition.encode_columns({1: arrays, 2: texts, 3: floats}, {1: valid, 2: None, 3: valid})
    messages: list[dict[int, Any]] = [{1: [1, 2, 3], 2: b"left", 3: 1.5}, {1: None, 2: b"right", 3: None}]
    assert rows.tobytes() == b"".join(definition.encode(message) for message in messages)


def test_an_absent_float_has_all_bits_set() -> None:
    definition = FitDefinition(0, 99, (FitField(3, BaseType.FLOAT64), FitField(4, BaseType.FLOAT32)))
    assert definition.encode({}) == b"\0" + b"\xff" * 12
