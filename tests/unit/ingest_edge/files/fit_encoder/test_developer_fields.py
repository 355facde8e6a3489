from __future__ import annotations

import io
from typing import Any

import fitparse
import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.activity import Activity, DeviceIdentity, SampleTable, SessionPart
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit import read_fit
from ingest_edge.files.fit_encoder import BaseType, FileLayout, NamedWriter, write_activity

START_MS = 1_780_000_200_000
WITHOUT_A_FIELD = ("torque", "battery", "wheel_revolutions", "crank_revolutions", "strokes")


def activity(columns: dict[str, Any], valid: Any = None) -> Activity:
    size = len(next(iter(columns.values())))
    table = SampleTable(
        "record",
        START_MS + np.arange(size, dtype=np.int64) * 1000,
        {name: np.array(values, np.int32) for name, values in columns.items()},
        dict.fromkeys(columns, valid),
    )
    end_ms = int(table.time_ms[-1])
    session = SessionPart("SPORT_CYCLING", "SUB_SPORT_ROAD", START_MS, end_ms, float(size), float(size))
    return Activity("activity", DeviceIdentity(), START_MS, (session,), (), (), (), (table,), ())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(WITHOUT_A_FIELD),
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20),
    st.booleans(),
    st.sampled_from("<>"),
)
def test_a_channel_without_a_field_keeps_every_value(
    channel: str, values: list[int], flip: bool, endian: Any
) -> None:
    layout = FileLayout(endian=endian, flip_endian=flip, redefine_every=3)
    content = write_activity(activity({"heart_rate": [100] * len(values), channel: values}), layout)
    column = read_fit(content).messages[20].developer[channel]
    assert np.rint(column.values.astype(np.float64) * SCALES[channel]).tolist() == values


@pytest.mark.parametrize("channel", WITHOUT_A_FIELD)
def test_other_readers_show_it_under_its_name_and_unit(channel: str) -> None:
    valid = np.array([True, False, True])
    content = write_activity(activity({"power": [1, 2, 3], channel: [64, 0, 96]}, valid))
    expected = [64 / SCALES[channel], None, 96 / SCALES[channel]]
    rows = [row.get_values() for row in fitparse.FitFile(io.BytesIO(content)).get_messages("record")]
    assert [row.get(channel) for row in rows] == expected
    messages: Any
    messages, errors = Decoder(Stream.from_byte_array(bytearray(content))).read()
    assert errors == []
    assert messages["field_description_mesgs"][0]["field_name"] == channel
    values = [row["developer_fields"][0] for row in messages["record_mesgs"]]
    np.testing.assert_array_equal(values, [expected[0], np.nan, expected[2]])


def test_a_field_of_one_s_own_is_written_by_name() -> None:
    writer = NamedWriter()
    writer.add_developer_field("mood", BaseType.UINT8, "1/5")
    writer.add_developer_field("song", BaseType.STRING, count=12)
    writer.message("record", {"timestamp": 1_000_000_000, "mood": 4, "song": "Allegro"})
    (row,) = fitparse.FitFile(io.BytesIO(writer.to_bytes())).get_messages("record")
    assert row.get_values()["mood"] == 4
    assert row.get_values()["song"] == "Allegro"
