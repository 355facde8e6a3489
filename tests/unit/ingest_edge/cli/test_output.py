"""Words for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.cli.output import duration, size
from ingest_edge.cli.remembered import load_sensors, save_sensors, writer_id
from ingest_edge.sensors.events import SensorDescription, SensorKind
from ingest_edge.settings import SettingsError, load_settings

STRAP = SensorDescription("ble", "C0:01", "Strap", frozenset({SensorKind.HEART_RATE}), -60)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.6, "0:01:00"), (3723, "1:02:03"), (90_000, "25:00:00"), (-1, "0:00:00")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2 * 1024**3, "2.0 GiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_remembered_sensors_are_those_that_were_chosen_last(tmp_path: Path) -> None:
    assert load_sensors(tmp_path) == []
    save_sensors(tmp_path, [STRAP])
    (sensor,) = load_sensors(tmp_path)
    assert (sensor.sensor_id, sensor.name, sensor.kinds) == (STRAP.sensor_id, STRAP.name, STRAP.kinds)
    save_sensors(tmp_path, [])
    assert load_sensors(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"transport": "ble"}]', "\x00"])
def test_a_damaged_list_of_sensors_is_said_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "sensors.json").write_text(content)
    with pytest.raises(SettingsError, match="scan --remember"):
        load_sensors(tmp_path)


def test_the_gateway_keeps_the_name_it_made_for_itself(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {}, {})
    assert writer_id(settings) == writer_id(settings)
    named = load_settings(tmp_path, {}, {"PULSEMESH_EDGE_WRITER": "garage"})
    assert writer_id(named) == "garage"
