"""Every column says which personal data it holds."""

from __future__ import annotations

from services.chassis.database import columns_holding, unclassified_columns
from services.workout.tables import metadata


def test_every_column_is_classified() -> None:
    assert unclassified_columns(metadata) == []


def test_samples_and_originals_count_as_health_data() -> None:
    assert set(columns_holding("health", metadata)) >= {
        "journal.payload",
        "workouts.document",
        "chunks.payload",
        "file_parts.content",
    }
