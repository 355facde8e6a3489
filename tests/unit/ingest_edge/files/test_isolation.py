from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest_edge.files.activity import Activity, DeviceIdentity
from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.isolation import DecoderProcess


@dataclass(frozen=True)
class TreacherousDecoder:
    """A decoder that does to its process what the file tells it to: the worst that a real one could do."""

    name: str = "treacherous"

    def decode(self, source: Path | bytes) -> Activity:
        assert isinstance(source, bytes)
        match source:
            case b"hang":
                time.sleep(600)
            case b"die":
                os._exit(3)
            case b"swell":
                bytearray(8 * 1024**3)
            case b"fail":
                raise RuntimeError("a bug")
            case b"settings":
                raise NotAnActivity("settings")
            case b"refuse":
                raise UnreadableFile("not a FIT file", 7)
        return Activity("activity", DeviceIdentity(name=source.decode()), 0, (), (), (), (), (), ())


@pytest.fixture
def process() -> Iterator[DecoderProcess]:
    with DecoderProcess(TreacherousDecoder(), timeout_s=30) as started:
        yield started


def test_an_activity_comes_back_from_the_other_process(process: DecoderProcess) -> None:
    assert process.decode(b"fine").device.name == "fine"


def test_a_decoder_that_hangs_is_ended_and_the_next_file_is_decoded() -> None:
    with DecoderProcess(TreacherousDecoder(), timeout_s=3) as process:
        with pytest.raises(UnreadableFile, match="still not decoded after 3 s"):
            process.decode(b"hang")
        assert process.decode(b"next").device.name == "next"


def test_a_decoder_that_kills_its_process_costs_one_file_only(process: DecoderProcess) -> None:
    with pytest.raises(UnreadableFile, match="died"):
        process.decode(b"die")
    assert process.decode(b"next").device.name == "next"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit, or do not keep it")
def test_a_decoder_that_wants_all_the_memory_is_refused_it(process: DecoderProcess) -> None:
    with pytest.raises(UnreadableFile, match="memory"):
        process.decode(b"swell")
    assert process.decode(b"next").device.name == "next"


def test_an_unexpected_error_becomes_a_typed_one(process: DecoderProcess) -> None:
    with pytest.raises(UnreadableFile, match="RuntimeError: a bug"):
        process.decode(b"fail")


def test_typed_errors_keep_what_they_say_across_the_border(process: DecoderProcess) -> None:
    with pytest.raises(NotAnActivity) as other:
        process.decode(b"settings")
    assert other.value.file_kind == "settings"
    with pytest.raises(UnreadableFile) as refused:
        process.decode(b"refuse")
    assert (refused.value.reason, refused.value.offset) == ("not a FIT file", 7)
