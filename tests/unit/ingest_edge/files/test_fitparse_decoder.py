"""Each scenario is a file that devices have really written, or a crash left behind, made byte by byte."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

import numpy as np
import pytest

from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.decoder import Decoder, NotAnActivity, UnreadableFile
from ingest_edge.files.fit_encoder import BaseType, FitDefinition, FitField, FitWriter
from ingest_edge.files.fit_encoder.definitions import Value
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.native_decoder import NativeDecoder

_DECODERS: list[Decoder] = [NativeDecoder(), FitparseDecoder()]
_chosen: list[Decoder] = []


@pytest.fixture(autouse=True, scope="module", params=_DECODERS, ids=lambda decoder: decoder.name)
def _every_decoder(request: pytest.FixtureRequest) -> None:
    """All tests of this file hold for both decoders."""
    _chosen[:] = [request.param]


def chosen() -> Decoder:
    return _chosen[0]


T0 = 1_100_000_000
UNIX_T0_MS = (T0 + 631_065_600) * 1000

TIME = FitField(253, BaseType.UINT32)
HEART_RATE = FitField(3, BaseType.UINT8)


def activity_writer(file_type: int = 4, created: int = T0, header_size: int = 14) -> FitWriter:
    writer = FitWriter(header_size=header_size)
    file_id = FitDefinition(
        0, 0, (FitField(0, BaseType.ENUM), FitField(1, BaseType.UINT16), FitField(4, BaseType.UINT32))
    )
    writer.define(file_id)
    writer.write(file_id.encode({0: file_type, 1: 255, 4: created}))
    return writer


def with_records(
    *rows: Mapping[int, Value],
    fields: tuple[FitField, ...] = (TIME, HEART_RATE),
    writer: FitWriter | None = None,
) -> FitWriter:
    writer = writer or activity_writer()
    record = FitDefinition(1, 20, fields)
    writer.define(record)
    for row in rows:
        writer.write(record.encode(row))
    return writer


def decode(writer: FitWriter) -> Activity:
    return chosen().decode(writer.to_bytes())


def records(activity: Activity) -> SampleTable:
    table = activity.table("record")
    assert table is not None
    return table


def values(activity: Activity, channel: str) -> list[int | None]:
    table = records(activity)
    valid = table.validity[channel]
    column: list[int | None] = list(table.columns[channel].tolist())
    if valid is None:
        return column
    return [value if present else None for value, present in zip(column, valid.tolist(), strict=True)]


def reasons(activity: Activity) -> str:
    return "; ".join(loss.reason for loss in activity.losses)


ONE = {253: T0, 3: 120}


@pytest.mark.parametrize("header_size", [12, 14, 16])
def test_headers_of_every_size_are_read(header_size: int) -> None:
    activity = decode(with_records(ONE, writer=activity_writer(header_size=header_size)))
    assert values(activity, "heart_rate") == [120]
    assert not [loss for loss in activity.losses if loss.offset is not None]


def test_a_zero_header_checksum_is_legal() -> None:
    content = with_records(ONE).to_bytes(header_checksum="zero")
    assert "checksum" not in reasons(chosen().decode(content))


def test_a_wrong_checksum_is_reported_and_nothing_is_thrown_away() -> None:
    activity = chosen().decode(with_records(ONE).to_bytes(checksum="bad"))
    assert values(activity, "heart_rate") == [120]
    assert "the checksum is wrong" in reasons(activity)


def test_a_header_that_declares_no_data_is_read_to_the_end() -> None:
    activity = chosen().decode(with_records(ONE).to_bytes(data_size=0))
    assert values(activity, "heart_rate") == [120]
    assert "declares no data" in reasons(activity)


def test_a_header_that_declares_too_much_is_read_to_the_end() -> None:
    activity = chosen().decode(with_records(ONE).to_bytes(data_size=1_000_000))
    assert values(activity, "heart_rate") == [120]
    assert "are missing" in reasons(activity)


def test_bytes_after_the_end_are_reported_with_their_place() -> None:
    content = with_records(ONE).to_bytes()
    activity = chosen().decode(content + b"\0" * 9)
    assert (len(content), "9 bytes follow the end of the file") in [
        (loss.offset, loss.reason) for loss in activity.losses
    ]


@pytest.mark.parametrize("content", [b"", b"\x0e\x20", b"PK\x03\x04 this is a zip archive", b"\0" * 100])
def test_what_is_no_fit_file_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        chosen().decode(content)


@pytest.mark.parametrize(("file_type", "kind"), [(2, "settings"), (5, "workout plan"), (32, "monitoring")])
def test_a_file_of_another_kind_is_named(file_type: int, kind: str) -> None:
    with pytest.raises(NotAnActivity) as error:
        decode(activity_writer(file_type))
    assert error.value.file_kind == kind


def test_an_activity_without_anything_in_it_is_unreadable() -> None:
    with pytest.raises(UnreadableFile, match="without a single sample"):
        decode(activity_writer())


def test_chained_files_become_one_activity_and_share_no_definitions() -> None:
    first, second = with_records(ONE), activity_writer()
    second.write(bytes((1,)) + b"\0" * 5)  # a record whose definition is in the other link
    activity = chosen().decode(first.to_bytes() + second.to_bytes())
    assert values(activity, "heart_rate") == [120]
    assert "undeclared local type 1" in reasons(activity)


def test_a_settings_file_chained_to_an_activity_is_left_out_and_named() -> None:
    activity = chosen().decode(with_records(ONE).to_bytes() + activity_writer(2).to_bytes())
    assert values(activity, "heart_rate") == [120]
    assert "a settings file is chained" in reasons(activity)


def test_enhanced_altitude_wins_over_the_plain_one_where_it_is_present() -> None:
    fields = (TIME, FitField(2, BaseType.UINT16), FitField(78, BaseType.UINT32))
    activity = decode(
        with_records(
            {253: T0, 2: 3000, 78: 3005}, {253: T0 + 1, 2: 3000}, {253: T0 + 2, 78: 3005}, fields=fields
        )
    )
    assert values(activity, "altitude") == [1010, 1000, 1010]


def test_an_absent_plain_speed_leaves_the_enhanced_one_alone() -> None:
    fields = (TIME, FitField(73, BaseType.UINT32), FitField(6, BaseType.UINT16))
    assert values(decode(with_records({253: T0, 73: 4321}, fields=fields)), "speed") == [4321]


def test_invalid_values_are_absent_for_every_base_type() -> None:
    kinds = [kind for kind in BaseType if kind not in (BaseType.STRING, BaseType.BYTE)]
    for kind in kinds:
        fields = (TIME, FitField(7, kind), HEART_RATE)
        activity = decode(with_records({253: T0, 7: 100, 3: 99}, {253: T0 + 1}, fields=fields))
        assert values(activity, "power") == [100, None], kind


def test_not_a_number_is_absent() -> None:
    fields = (TIME, FitField(7, BaseType.FLOAT32), HEART_RATE)
    activity = decode(with_records({253: T0, 7: float("nan"), 3: 90}, fields=fields))
    assert records(activity).count("power") == 0


def test_an_infinite_or_huge_value_is_dropped_and_reported() -> None:
    fields = (TIME, FitField(7, BaseType.FLOAT64), FitField(5, BaseType.UINT64))
    activity = decode(
        with_records({253: T0, 7: float("inf"), 5: 2**63}, {253: T0 + 1, 7: 5.0, 5: 7}, fields=fields)
    )
    assert values(activity, "power") == [None, 5]
    assert values(activity, "distance") == [None, 7]
    assert "beyond 32 bits" in reasons(activity)


def test_of_duplicate_fields_the_last_one_that_is_present_counts() -> None:
    record = FitDefinition(1, 20, (TIME, HEART_RATE, HEART_RATE))
    writer = activity_writer()
    writer.define(record)
    message = bytearray(record.encode(ONE))
    message[-2:] = bytes((110, 0xFF))
    writer.write(bytes(message))
    assert values(decode(writer), "heart_rate") == [110]


def test_an_array_in_a_scalar_field_gives_its_first_value() -> None:
    fields = (TIME, FitField(7, BaseType.UINT16, 3))
    assert values(decode(with_records({253: T0, 7: [None, 201, 202]}, fields=fields)), "power") == [201]


def definition_bytes(local: int, message: int, fields: list[tuple[int, int, int]]) -> bytes:
    head = bytes((0x40 | local, 0, 0, message & 0xFF, message >> 8, len(fields)))
    return head + b"".join(bytes(field) for field in fields)


def test_fields_of_a_size_that_does_not_fit_their_type_are_stepped_over() -> None:
    writer = activity_writer()
    writer.write(definition_bytes(1, 20, [(253, 4, 0x86), (7, 3, 0x84), (5, 0, 0x86), (3, 1, 0x02)]))
    writer.write(b"\x01" + T0.to_bytes(4, "little") + b"\x01\x02\x03" + b"\x78")
    activity = decode(writer)
    assert values(activity, "heart_rate") == [120]
    assert records(activity).count("power") == 0


def test_a_field_narrower_than_its_type_holds_a_small_number() -> None:
    writer = activity_writer()
    writer.write(definition_bytes(1, 20, [(253, 4, 0x86), (7, 1, 0x84)]))
    writer.write(b"\x01" + T0.to_bytes(4, "little") + b"\x96")
    assert values(decode(writer), "power") == [150]


def test_an_unknown_base_type_is_stepped_over() -> None:
    writer = activity_writer()
    writer.write(definition_bytes(1, 20, [(253, 4, 0x86), (200, 2, 0x55), (3, 1, 0x02)]))
    writer.write(b"\x01" + T0.to_bytes(4, "little") + b"\x01\x02\x78")
    assert values(decode(writer), "heart_rate") == [120]


def test_an_empty_definition_and_its_messages_are_stepped_over() -> None:
    writer = activity_writer()
    writer.write(definition_bytes(5, 20_000, []) + b"\x05\x05")
    assert values(decode(with_records(ONE, writer=writer)), "heart_rate") == [120]


def test_bad_text_does_no_harm() -> None:
    writer = FitWriter()
    file_id = FitDefinition(0, 0, (FitField(0, BaseType.ENUM), FitField(8, BaseType.STRING, 4)))
    writer.define(file_id)
    writer.write(file_id.encode({0: 4, 8: b"\xff\xfeab"}))
    name = decode(with_records(ONE, writer=writer)).device.name
    assert name is not None
    assert name.endswith("ab")


def developer_record(declare: bool) -> FitWriter:
    """A record with a developer field that stands in for power (native field 7), declared or not."""
    writer = activity_writer()
    if declare:
        description = FitDefinition(
            2,
            206,
            tuple(FitField(number, BaseType.UINT8) for number in (0, 1, 2, 15)),
        )
        writer.define(description)
        writer.write(description.encode({0: 0, 1: 9, 2: 0x84, 15: 7}))
    definition = bytearray(definition_bytes(1, 20, [(253, 4, 0x86), (3, 1, 0x02)]))
    definition[0] |= 0x20
    writer.write(bytes(definition) + bytes((1, 9, 2, 0)))
    writer.write(b"\x01" + T0.to_bytes(4, "little") + b"\x78" + (233).to_bytes(2, "little"))
    return writer


def test_a_developer_field_stands_in_for_the_native_one_it_names() -> None:
    assert values(decode(developer_record(declare=True)), "power") == [233]


@pytest.mark.parametrize(("unit", "expected"), [(b"N m\0", [320, None]), (b"lbf\0", None)])
def test_a_developer_field_with_the_name_and_unit_of_a_channel_is_that_channel(
    unit: bytes, expected: list[int | None] | None
) -> None:
    name = b"torque\0"
    fields = [(0, 1, 0x02), (1, 1, 0x02), (2, 1, 0x02), (3, len(name), 0x07), (8, len(unit), 0x07)]
    writer = activity_writer()
    writer.write(definition_bytes(2, 206, fields) + bytes((2, 0, 9, 0x88)) + name + unit)
    definition = bytearray(definition_bytes(1, 20, [(253, 4, 0x86), (3, 1, 0x02)]))
    definition[0] |= 0x20
    writer.write(bytes(definition) + bytes((1, 9, 4, 0)))
    for second, torque in enumerate((10.0, math.inf)):
        writer.write(b"\x01" + struct.pack("<IBf", T0 + second, 120, torque))
    activity = decode(writer)
    assert (values(activity, "torque") if "torque" in records(activity).columns else None) == expected
    assert "beyond 32 bits" not in reasons(activity)


def test_developer_fields_of_one_file_are_unknown_in_the_next() -> None:
    decode(developer_record(declare=True))
    activity = decode(developer_record(declare=False))
    assert values(activity, "heart_rate") == [120]
    assert records(activity).count("power") == 0


def test_an_undeclared_local_number_ends_the_reading_and_keeps_what_was_read() -> None:
    writer = with_records(ONE, {253: T0 + 1, 3: 121})
    writer.write(b"\x0a\x01\x02\x03")
    activity = decode(writer)
    assert values(activity, "heart_rate") == [120, 121]
    assert "undeclared local type 10; the 4 bytes that follow" in reasons(activity)


def test_records_without_a_time_are_dropped_and_counted() -> None:
    activity = decode(with_records({253: T0, 3: 120}, {3: 121}, {253: T0 + 2, 3: 122}))
    assert values(activity, "heart_rate") == [120, 122]
    assert "1 records without a usable time" in reasons(activity)


def test_time_that_runs_backward_is_put_in_order_and_reported() -> None:
    activity = decode(with_records({253: T0 + 5, 3: 125}, {253: T0, 3: 120}, {253: T0 + 6, 3: 126}))
    assert values(activity, "heart_rate") == [120, 125, 126]
    assert np.all(np.diff(records(activity).time_ms) >= 0)
    assert "time runs backward 1 times" in reasons(activity)


def test_a_record_years_away_is_dropped_and_reported() -> None:
    activity = decode(with_records({253: T0, 3: 120}, {253: T0 + 1, 3: 121}, {253: T0 + 10**8, 3: 1}))
    assert values(activity, "heart_rate") == [120, 121]
    assert "weeks away" in reasons(activity)


def test_small_times_count_from_the_moment_that_a_correlation_names() -> None:
    writer = activity_writer()
    correlation = FitDefinition(2, 162, (TIME, FitField(1, BaseType.UINT32)))
    writer.define(correlation)
    writer.write(correlation.encode({253: T0, 1: 1000}))
    activity = decode(with_records({253: 1005, 3: 120}, writer=writer))
    assert records(activity).time_ms.tolist() == [UNIX_T0_MS + 5000]


def test_small_times_without_a_correlation_count_from_the_file_s_creation() -> None:
    activity = decode(with_records({253: 77, 3: 120}, {253: 79, 3: 121}))
    assert records(activity).time_ms.tolist() == [UNIX_T0_MS, UNIX_T0_MS + 2000]
    assert "a guess" in reasons(activity)


def test_compressed_times_roll_over_and_refer_to_any_message() -> None:
    writer = activity_writer()
    event = FitDefinition(2, 21, (TIME, FitField(0, BaseType.ENUM)))
    bare = FitDefinition(1, 20, (HEART_RATE,))
    writer.define(event)
    writer.define(bare)
    start = T0 - T0 % 32 + 30
    writer.write(event.encode({253: start, 0: 0}))
    for step in (1, 2, 33):
        writer.write(bare.encode({3: 100 + step}, time_offset=start + step))
    times = records(decode(writer)).time_ms - UNIX_T0_MS + (T0 - start) * 1000
    assert times.tolist() == [1000, 2000, 33_000]


def test_compressed_speed_and_distance_wrap_and_add_up() -> None:
    fields = (TIME, FitField(8, BaseType.BYTE, 3))
    rows: list[dict[int, Value]] = []
    for step, sixteenths in enumerate((0, 4000, 8000)):
        packed = 250 | (sixteenths % 4096) << 12
        rows.append({253: T0 + step, 8: list(packed.to_bytes(3, "little"))})
    activity = decode(with_records(*rows, fields=fields))
    assert values(activity, "distance") == [0, 25_000, 50_000]
    assert values(activity, "speed") == [2500] * 3


def test_left_power_is_known_only_where_the_side_is() -> None:
    fields = (TIME, FitField(30, BaseType.UINT8), HEART_RATE)
    activity = decode(
        with_records({253: T0, 30: 0x80 | 53, 3: 1}, {253: T0 + 1, 30: 53, 3: 1}, fields=fields)
    )
    assert values(activity, "left_power") == [94, None]


def test_fields_newer_than_fitparse_are_read() -> None:
    fields = (TIME, FitField(139, BaseType.UINT16), FitField(108, BaseType.UINT16))
    activity = decode(with_records({253: T0, 139: 3812, 108: 2250}, fields=fields))
    assert (values(activity, "core_temperature"), values(activity, "respiration_rate")) == ([3812], [2250])


def test_heart_rate_that_a_strap_stored_comes_as_a_table_of_its_own() -> None:
    writer = with_records(ONE)
    tie = FitDefinition(
        3,
        132,
        (TIME, FitField(0, BaseType.UINT16), FitField(6, BaseType.UINT8), FitField(9, BaseType.UINT32)),
    )
    packed = FitDefinition(4, 132, (FitField(6, BaseType.UINT8, 2), FitField(10, BaseType.BYTE, 3)))
    writer.define(tie)
    writer.define(packed)
    writer.write(tie.encode({253: T0, 0: 16_384, 6: 100, 9: 4000}))
    ticks = (4000 + 512) % 4096 | (4000 + 1024) % 4096 << 12
    writer.write(packed.encode({6: [101, 102], 10: list(ticks.to_bytes(3, "little"))}))
    table = decode(writer).table("hr")
    assert table is not None
    assert (table.time_ms - UNIX_T0_MS).tolist() == [500, 1000, 1500]
    assert table.columns["heart_rate"].tolist() == [100, 101, 102]


def test_what_a_strap_stored_before_the_start_is_no_part_of_the_activity() -> None:
    swim = with_records(ONE, {253: T0 + 10, 3: 121})
    span = tuple(FitField(number, BaseType.UINT32) for number in (253, 2, 7))
    session = FitDefinition(2, 18, (*span, FitField(5, BaseType.ENUM)))
    swim.define(session)
    swim.write(session.encode({253: T0 + 10, 2: T0, 7: 10_000, 5: 5}))
    memory = activity_writer()
    stored = FitDefinition(3, 132, (TIME, FitField(6, BaseType.UINT8), FitField(9, BaseType.UINT32)))
    memory.define(stored)
    for second in (-300, 5, 400):
        memory.write(stored.encode({253: T0 + second, 6: 80, 9: 500_000 + second * 1024}))
    activity = chosen().decode(swim.to_bytes() + memory.to_bytes())
    table = activity.table("hr")
    assert table is not None
    assert (table.time_ms - UNIX_T0_MS).tolist() == [5000]
    assert activity.start_time_ms == UNIX_T0_MS


def test_beats_follow_one_another_and_catch_up_after_a_silence() -> None:
    writer = activity_writer()
    record = FitDefinition(1, 20, (TIME, HEART_RATE))
    hrv = FitDefinition(2, 78, (FitField(0, BaseType.UINT16, 2),))
    writer.define(record)
    writer.define(hrv)
    writer.write(record.encode({253: T0, 3: 60}) + hrv.encode({0: [1000, 500]}))
    writer.write(record.encode({253: T0 + 60, 3: 60}) + hrv.encode({0: [1000]}))
    table = decode(writer).table("rr")
    assert table is not None
    assert (table.time_ms - UNIX_T0_MS).tolist() == [0, 500, 60_000]
    assert table.columns["rr_interval"].tolist() == [1024, 512, 1024]


def test_pauses_are_marked_but_neither_the_first_start_nor_the_last_stop() -> None:
    writer = with_records(ONE)
    event = FitDefinition(2, 21, (TIME, FitField(0, BaseType.ENUM), FitField(1, BaseType.ENUM)))
    writer.define(event)
    for second, kind in ((0, 0), (10, 4), (11, 1), (20, 0), (30, 4)):
        writer.write(event.encode({253: T0 + second, 0: 0, 1: kind}))
    markers = [(marker.kind, marker.time_ms - UNIX_T0_MS) for marker in decode(writer).markers]
    assert markers == [("pause", 10_000), ("resume", 20_000)]


def test_a_missing_session_is_derived_with_the_sport_that_the_file_names() -> None:
    writer = activity_writer()
    sport = FitDefinition(2, 12, (FitField(0, BaseType.ENUM), FitField(1, BaseType.ENUM)))
    writer.define(sport)
    writer.write(sport.encode({0: 1, 1: 3}))
    activity = decode(with_records(ONE, {253: T0 + 60, 3: 130}, writer=writer))
    (session,) = activity.sessions
    assert (session.sport, session.sub_sport, session.derived) == ("SPORT_RUNNING", "SUB_SPORT_TRAIL", True)
    assert session.elapsed_s == 60
