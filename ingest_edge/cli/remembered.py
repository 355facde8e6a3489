"""The sensors that were chosen, in a file beside the settings; and the name of this gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ingest_edge.sensors.events import SensorDescription
from ingest_edge.settings import EdgeSettings, SettingsError
from pulsemesh.ulid import new_ulid

_SENSORS_FILE = "sensors.json"
_WRITER_FILE = "writer_id"


def load_sensors(home: Path) -> list[SensorDescription]:
    """The remembered sensors.

    Raises:
        SettingsError: the file cannot be read.
    """
    path = home / _SENSORS_FILE
    try:
        return [SensorDescription.from_json(value) for value in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"{path} cannot be used ({error}); `scan --remember all` makes it anew"
        ) from error


def save_sensors(home: Path, sensors: Sequence[SensorDescription]) -> Path:
    """Remember these sensors and no others; returns the file."""
    path = home / _SENSORS_FILE
    _replace(path, json.dumps([sensor.to_json() for sensor in sensors], indent=2) + "\n")
    return path


def writer_id(settings: EdgeSettings) -> str:
    """The name of this gateway towards the platform: the setting, or one that is made once and kept."""
    if settings.writer:
        return settings.writer[:100]
    path = settings.home / _WRITER_FILE
    try:
        kept = path.read_text("utf-8").strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = f"edge-{new_ulid()}"
        _replace(path, kept + "\n")
    return kept


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from error
