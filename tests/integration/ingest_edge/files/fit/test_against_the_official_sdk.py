"""Every value of every message of real files, beside what the official SDK reads."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from garmin_fit_sdk import Decoder, Profile, Stream

from ingest_edge.files.fit import FitContent, merged_heart_rate, read_fit

FOLDER = Path(__file__).parents[5] / ".." / "shared" / "fit"
EXPECTED_FILE = FOLDER / "expected.json"

pytestmark = pytest.mark.skipif(not EXPECTED_FILE.exists(), reason="the real files are not here")

EXPECTED: dict[str, Any] = json.loads(EXPECTED_FILE.read_text()) if EXPECTED_FILE.exists() else {}

COMPRESSED = "dtcooper__python-fitparse/compressed-speed-distance.fit"
"""The SDK refuses compressed timestamps, and reads nothing after the first."""

LARGE = 150_000
"""Bytes from which on only the long verb has the SDK read all again: a second for 10,000 messages."""

NUMBER_OF = {message["messages_key"]: number for number, message in Profile["messages"].items()}


@cache
def read(name: str) -> FitContent:
    return read_fit((FOLDER / name).read_bytes())


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != COMPRESSED])
def test_the_records_have_the_counts_sums_firsts_and_lasts_of_the_sdk(name: str) -> None:
    expected = EXPECTED[name]
    records = read(name).messages.get(20)
    assert (0 if records is None else len(records)) == expected["records"]
    for field, figures in expected["columns"].items():
        assert records is not None
        values = records.columns[field].compact()
        assert len(values) == figures["count"], field
        assert values[0] == figures["first"], field
        assert values[-1] == figures["last"], field
        assert math.isclose(math.fsum(values.tolist()), figures["sum"], rel_tol=1e-12, abs_tol=1e-5), field


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != COMPRESSED])
def test_the_messages_are_as_many_as_the_sdk_counts(name: str) -> None:
    counted = {
        key.removesuffix("_mesgs"): count for key, count in EXPECTED[name]["messages"].items() if count
    }
    assert {table.name: len(table) for table in read(name).messages.values()} == counted


@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name]["sessions"]])
def test_the_sessions_have_the_values_of_the_sdk(name: str) -> None:
    sessions = list(read(name).messages[18].rows())
    assert len(sessions) == len(EXPECTED[name]["sessions"])
    for session, expected in zip(sessions, EXPECTED[name]["sessions"], strict=True):
        assert {field: session.get(field) for field in expected} == expected


def test_compressed_timestamps_and_distances_are_read_where_the_sdk_gives_up() -> None:
    records = read(COMPRESSED).messages[20]
    assert len(records) == 755
    assert records.columns["distance"].values[-1] == pytest.approx(10_248.67, abs=0.2)
    assert records.columns["enhanced_speed"].count == records.columns["speed"].count
    assert set(read(COMPRESSED).messages) >= {0, 18, 19, 20, 21, 34}


def test_the_errors_of_damaged_files_have_a_place() -> None:
    for name, expected in EXPECTED.items():
        errors = read(name).errors
        if name != COMPRESSED:
            assert bool(errors) == bool(expected["oracle_errors"]), name
        assert all(error.offset is not None for error in errors)


@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name]["size"] < LARGE])
def test_every_value_is_the_sdks(name: str) -> None:
    compare(name)


@pytest.mark.parametrize(
    "name", ["dtcooper__python-fitparse/event_timestamp.fit", "thomaschampagne__elevate/spiros-02.fit"]
)
def test_the_heart_rate_of_a_strap_is_merged_as_the_sdk_merges_it(name: str) -> None:
    messages, _ = Decoder(Stream.from_byte_array(bytearray((FOLDER / name).read_bytes()))).read(
        convert_datetimes_to_dates=False, convert_types_to_strings=False, merge_heart_rates=True
    )
    theirs = [message.get("heart_rate") for message in messages["record_mesgs"]]
    merged = merged_heart_rate(read(name))
    assert merged is not None
    assert sum(rate is not None for rate in theirs) > 1000
    ours = [None if math.isnan(rate) else rate for rate in merged.tolist()]
    assert ours == theirs


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name]["size"] >= LARGE])
def test_every_value_of_large_files_is_the_sdks(name: str) -> None:
    compare(name)


def compare(name: str) -> None:
    if name == COMPRESSED:
        pytest.skip("the SDK refuses compressed timestamps")
    messages, _ = Decoder(Stream.from_byte_array(bytearray((FOLDER / name).read_bytes()))).read(
        convert_datetimes_to_dates=False,
        convert_types_to_strings=False,
        merge_heart_rates=False,
    )
    content = read(name)
    for key, theirs in messages.items():
        if not theirs:
            continue
        number = NUMBER_OF[key] if key in NUMBER_OF else int(key)
        ours = list(content.messages[number].rows())
        assert len(ours) == len(theirs)
        for row, expected in zip(ours, theirs, strict=True):
            mine = {field: value for field, value in row.items() if field != "developer_fields"}
            assert mine == plain(expected, number), f"{key} {row}"


def is_nan(value: Any) -> bool:
    """The SDK gives the invalid float as what it is."""
    return isinstance(value, float) and math.isnan(value)


def plain(message: dict[str | int, Any], number: int) -> dict[str, Any]:
    """A message of the SDK without what we read otherwise on purpose."""
    kept = {str(field): value for field, value in message.items() if field != "developer_fields"}
    if number == 206:
        # A counter of the SDK's own.
        kept.pop("key", None)
    return {field: value for field, value in kept.items() if value is not None and not is_nan(value)}
