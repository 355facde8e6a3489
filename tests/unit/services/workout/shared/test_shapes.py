"""Every field that could leave is thought through, and so is every channel."""

from __future__ import annotations

import pytest

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import analysis_pb2
from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedWorkout
from services.chassis.privacy import unshaped_fields
from services.workout.shared.aspects import ANALYSIS_SHAPE, CHANNEL_NEEDS, WORKOUT_SHAPE
from services.workout.shared.ids import SharedIds


def test_every_field_of_a_shared_workout_names_its_aspects() -> None:
    assert unshaped_fields(SharedWorkout, WORKOUT_SHAPE) == []


def test_of_an_analysis_only_the_time_of_computing_is_shown_to_nobody() -> None:
    assert unshaped_fields(analysis_pb2.Analysis, ANALYSIS_SHAPE) == [
        "pulsemesh.workout.v1.Analysis.computed_at"
    ]


def test_of_the_channels_only_the_battery_is_shown_to_nobody() -> None:
    known = set(channel_pb2.Channel.values()) - {channel_pb2.CHANNEL_UNSPECIFIED}
    assert known - set(CHANNEL_NEEDS) == {channel_pb2.CHANNEL_BATTERY}


@pytest.mark.parametrize("key", [0, 1, 2**31, 2**63 - 1])
def test_a_shared_id_leads_back_to_its_row(key: int) -> None:
    ids = SharedIds(b"secret", "workout")
    assert ids.read(ids.write(key)) == key


def test_a_shared_id_of_one_kind_or_secret_is_none_of_another() -> None:
    written = SharedIds(b"secret", "workout").write(7)
    assert SharedIds(b"secret", "recording").read(written) is None
    assert SharedIds(b"another", "workout").read(written) is None


@pytest.mark.parametrize("text", ["", "a", "A" * 26, "a" * 26, "1" * 26, "ä" * 26, "a" * 25 + "="])
def test_what_is_no_shared_id_leads_nowhere(text: str) -> None:
    assert SharedIds(b"secret", "workout").read(text) is None


def test_only_one_text_leads_to_a_row() -> None:
    ids = SharedIds(b"secret", "workout")
    written = ids.write(7)
    others = [written[:-1] + last for last in "abcdefghijklmnopqrstuvwxyz234567" if last != written[-1]]
    assert [ids.read(other) for other in others] == [None] * len(others)
