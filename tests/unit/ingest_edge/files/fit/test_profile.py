"""The profile table is what the generator makes of the installed SDK, and newer than fitparse's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fitparse.profile import MESSAGE_TYPES

from ingest_edge.files.fit.profile import message_info, message_number
from ingest_edge.files.fit.profile_data import MESSAGES, PROFILE_VERSION

GENERATOR = Path(__file__).parents[5] / "tools" / "generate_fit_profile.py"


def test_generating_again_gives_no_difference() -> None:
    done = subprocess.run([sys.executable, str(GENERATOR), "--check"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_profile_knows_more_than_fitparses() -> None:
    assert tuple(map(int, PROFILE_VERSION.split("."))) >= (21, 218, 0)
    fields = sum(len(fields) for _, fields in MESSAGES.values())
    assert len(MESSAGES) > len(MESSAGE_TYPES)
    assert fields > sum(len(message.fields) for message in MESSAGE_TYPES.values())
    assert message_info(20).fields[108].name == "enhanced_respiration_rate"
    assert message_info(20).fields[139].name == "core_temperature"


def test_messages_by_number_and_by_name() -> None:
    assert message_info(20).name == "record"
    assert message_number("record") == 20
    assert message_number("no such message") is None
    assert message_info(0xFF77).name == "65399"
