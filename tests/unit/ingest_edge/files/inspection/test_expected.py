"""Every figure of the official SDK for every real file, from our own decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest_edge.files.inspection import Inspection, inspect_source

FOLDER = Path(__file__).parents[6] / "shared" / "fit"
EXPECTED: dict[str, Any] = (
    json.loads((FOLDER / "expected.json").read_text("utf-8")) if (FOLDER / "expected.json").exists() else {}
)

pytestmark = pytest.mark.skipif(not EXPECTED, reason="the folder of real files is not there")


def reported(file: str, decoder: str = "native") -> tuple[Inspection, dict[str, Any]]:
    inspection = inspect_source(FOLDER / file, decoder)
    return inspection, json.loads(json.dumps(inspection.to_json(file), allow_nan=False))


@pytest.mark.parametrize("file", [name for name, found in EXPECTED.items() if not found["oracle_errors"]])
def test_what_the_official_sdk_reads_is_reported_exactly(file: str) -> None:
    expected = EXPECTED[file]
    inspection, found = reported(file)
    assert inspection.readable == "whole"
    assert found["errors"] == []
    assert found["records"] == expected["records"]
    assert found["messages"] == expected["messages"]
    for name, column in expected["columns"].items():
        own = found["columns"][name]
        assert (own["count"], own["first"], own["last"]) == (column["count"], column["first"], column["last"])
        assert own["sum"] == pytest.approx(column["sum"], rel=1e-9, abs=1e-5)
    sessions = [
        {name: own.get(name) for name in session}
        for own, session in zip(found["sessions"], expected["sessions"], strict=True)
    ]
    assert sessions == expected["sessions"]


@pytest.mark.parametrize("file", [name for name, found in EXPECTED.items() if found["oracle_errors"]])
def test_what_the_official_sdk_refuses_is_read_at_least_as_far(file: str) -> None:
    expected = EXPECTED[file]
    _, found = reported(file)
    assert found["records"] >= expected["records"]
    assert all(found["messages"].get(name, 0) >= count for name, count in expected["messages"].items())
    for name, column in expected["columns"].items():
        assert found["columns"][name]["count"] >= column["count"]
        assert found["columns"][name]["first"] == column["first"]


def test_stock_fitparse_agrees_on_a_plain_file() -> None:
    file = "dtcooper__python-fitparse/Edge810-Vector-2013-08-16-15-35-10.fit"
    if file not in EXPECTED:
        pytest.skip("that file is not there")
    (_, native), (_, stock) = reported(file), reported(file, "fitparse")
    assert stock["messages"] == native["messages"]
    assert stock["records"] == native["records"]
    for name in ("timestamp", "heart_rate", "power", "position_lat", "distance", "enhanced_altitude"):
        assert stock["columns"][name] == pytest.approx(native["columns"][name])
