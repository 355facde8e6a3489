from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import pytest

from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.decoder_names import DECODER_NAMES, DEFAULT_DECODER
from ingest_edge.files.decoders import DECODERS, FileDecoder, decoder_named, format_of
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.simulator.activities import pool_swim
from tests.unit.ingest_edge.files.gpx import making as gpx_making
from tests.unit.ingest_edge.files.tcx import making as tcx_making

FIT = write_activity(pool_swim(1, 1_714_543_200_000))
GPX = gpx_making.simple(5)
TCX = tcx_making.activities(tcx_making.activity(tcx_making.lap(0, 5, tcx_making.trackpoints(range(5)))))


@pytest.mark.parametrize(("content", "name"), [(FIT, "fit"), (GPX, "gpx"), (TCX, "tcx")])
def test_the_content_tells_the_format(content: bytes, name: str) -> None:
    assert format_of(content) == name


@pytest.mark.parametrize("content", [FIT, GPX, TCX], ids=["fit", "gpx", "tcx"])
def test_a_file_is_decoded_whatever_it_is_called_and_gzip_or_not(tmp_path: Path, content: bytes) -> None:
    for name, written in (("ride.jpg", content), ("ride", gzip.compress(content))):
        (tmp_path / name).write_bytes(written)
        assert FileDecoder().decode(tmp_path / name).sessions


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "an empty file"),
        (b"  \n", "nothing but blanks"),
        (b"\0" * 500, "nothing but zeros"),
        (b"PK\x03\x04" + b"x" * 50, "a zip archive"),
        (b"%PDF-1.7 and so on", "a PDF document"),
        (b'{"activities": []}  ', "JSON"),
        (b"<!DOCTYPE html><html><p>Sign in</html>", "an HTML page"),
        (b"<html xmlns='x'><body/></html>", "an HTML page"),
        (b"<kml><Document/></kml>", "XML of another kind: its root is 'kml'"),
        (b"<gpx", "no XML"),
        (b"Date,Distance\n2024,5\n", "text of some kind"),
        (bytes(range(100)), "not a FIT, GPX or TCX file"),
        (b"\x0e\x10", "cut off within the header"),
    ],
)
def test_what_is_no_device_file_is_said_to_be_what_it_seems(content: bytes, what: str) -> None:
    with pytest.raises(UnreadableFile, match=what):
        FileDecoder().decode(content)


def test_there_is_a_decoder_for_each_name_and_the_default_is_one() -> None:
    assert tuple(DECODERS) == DECODER_NAMES
    assert FileDecoder().name == DEFAULT_DECODER
    assert [decoder_named(name).name for name in DECODER_NAMES] == list(DECODER_NAMES)


def test_an_unknown_decoder_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="native, fitparse"):
        decoder_named("quick")


def test_every_decoder_pickles() -> None:
    for name in DECODER_NAMES:
        assert pickle.loads(pickle.dumps(decoder_named(name))).name == name


def test_activities_of_every_format_cross_the_border_of_a_process() -> None:
    with DecoderProcess(FileDecoder()) as process:
        for content in (FIT, GPX, TCX):
            assert process.decode(content).tables
