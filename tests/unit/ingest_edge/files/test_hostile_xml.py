"""Files that were made to hang, to swell or to read other files: refused, or read at a bounded price."""

from __future__ import annotations

import contextlib
import gzip
import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.tcx import read_tcx
from tests.unit.ingest_edge.files.gpx.making import gpx, point, segment, simple, track
from tests.unit.ingest_edge.files.tcx.making import activities

SIZE = 120_000
MEMORY_FACTOR = 20
CONSTANT_BYTES = 4 * 1024**2
"""What a file of any size may take beside: buffers, one tag of the longest kind."""


def with_doctype(declarations: str, use: str = "") -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE gpx [{declarations}]><gpx>{use}</gpx>'.encode()


def laughs(generations: int) -> str:
    """Each entity is the one before, ten times."""
    doubled = "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, generations))
    return f"<!ENTITY a0 'ha'>{doubled}<!ENTITY a '&a{generations - 1};'>"


@pytest.mark.parametrize(
    "declarations",
    [
        laughs(10),
        f'<!ENTITY a "{"x" * 100_000}">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/a.dtd"> %a;',
        '<!ENTITY a "&a;">',
    ],
    ids=["billion laughs", "quadratic blow-up", "external entity", "parameter entity", "recursive entity"],
)
def test_entities_of_the_files_own_are_refused_before_they_are_used(declarations: str) -> None:
    with pytest.raises(UnreadableFile, match="refused: its DOCTYPE declares entities"):
        read_gpx(with_doctype(declarations, "&a;" * 10_000))


def test_default_attributes_are_refused_for_they_multiply() -> None:
    content = with_doctype(f'<!ATTLIST a b CDATA "{"x" * 50_000}">', "<a/>" * 10_000)
    with pytest.raises(UnreadableFile, match="refused: its DOCTYPE declares attributes"):
        read_gpx(content)


def test_a_doctype_without_declarations_is_read_and_its_address_never_visited(tmp_path: Path) -> None:
    outside = tmp_path / "gpx.dtd"
    outside.write_text("<!ENTITY a 'read'>")
    content = simple(3).replace(b"?>", f'?><!DOCTYPE gpx SYSTEM "{outside.as_uri()}">'.encode(), 1)
    assert len(read_gpx(content).tables[0]) == 3


@pytest.mark.parametrize("within", ["", "<trk><trkseg><trkpt>"])
def test_deep_nesting_is_refused(within: str) -> None:
    with pytest.raises(UnreadableFile, match="nested deeper than 64"):
        read_gpx(f"<gpx>{within}{'<a>' * 100_000}".encode())


def test_an_endless_tag_is_refused() -> None:
    attributes = " ".join(f'a{index}="x"' for index in range(120_000))
    with pytest.raises(UnreadableFile, match="a tag or comment of more than"):
        read_gpx(f"<gpx><a {attributes}></a></gpx>".encode())


def test_an_endless_comment_full_of_points_is_refused() -> None:
    comment = f"<!-- {'<trkpt></trkpt>' * 100_000} -->"
    with pytest.raises(UnreadableFile, match="a tag or comment of more than"):
        read_gpx(gpx(track(segment([point(0)])) + comment))


def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    bomb = gzip.compress(b"<gpx>" + b" " * (80 * 1024**2), compresslevel=1)
    with pytest.raises(UnreadableFile, match="larger than"):
        FileDecoder().decode(bomb)


def test_a_gzip_within_a_gzip_is_not_opened() -> None:
    with pytest.raises(UnreadableFile, match="gzip within gzip"):
        FileDecoder().decode(gzip.compress(gzip.compress(simple())))


def test_a_zip_archive_is_named_and_not_opened() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.gpx", b" " * 1_000_000)
    with pytest.raises(UnreadableFile, match="a zip archive"):
        FileDecoder().decode(stream.getvalue())


def repeated(piece: str) -> str:
    return piece * (SIZE // len(piece))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "one long text": lambda: gpx(f"<desc>{'x' * SIZE}</desc>"),
    "texts in pieces": lambda: gpx(f"<desc>{repeated('x&amp;')}</desc>"),
    "wide letters": lambda: gpx(f"<desc>{'😀' * (SIZE // 4)}</desc>"),
    "names never the same": lambda: gpx("".join(f"<n{i}/>" for i in range(SIZE // 10))),
    "attributes never the same": lambda: gpx("".join(f'<n a{i}=""/>' for i in range(SIZE // 14))),
    "a namespace as long as the file": lambda: gpx(
        f'<a xmlns:p="{"u" * (SIZE // 3)}">{repeated("<p:b/>")}</a>'
    ),
    "empty tracks": lambda: gpx(repeated("<trk/>")),
    "empty segments": lambda: gpx(f"<trk>{repeated('<trkseg/>')}</trk>"),
    "points without anything": lambda: gpx(track(segment([repeated("<trkpt/>")]))),
    "points with a time alone": lambda: gpx(
        track(segment([repeated("<trkpt><time>2024-05-01T06:00:00Z</time></trkpt>")]))
    ),
    "a segment a point": lambda: gpx(track(*(segment([point(i)]) for i in range(SIZE // 110)))),
    "points of ever other shape": lambda: gpx(
        track(segment(point(i, f"<ele>{i}</ele>" * (i % 7) + f"<a{i % 50}/>") for i in range(SIZE // 130)))
    ),
    "one channel a point": lambda: gpx(
        track(segment(point(i, f"<{name}>1</{name}>") for i in range(SIZE // 100) for name in ["power"]))
    ),
    "a point of many fields": lambda: gpx(track(segment([f"<trkpt>{repeated('<ele>1</ele>')}</trkpt>"]))),
    "long numbers": lambda: gpx(
        track(segment(point(i, f"<ele>{'1' * 400}</ele>") for i in range(SIZE // 480)))
    ),
    "one time of a megabyte": lambda: gpx(track(segment([point(0), point(1, time="2" * SIZE)]))),
    "laps of gpxdata": lambda: gpx(repeated("<lap/>")),
    "empty laps": lambda: activities(f"<Activity>{repeated('<Lap/>')}</Activity>"),
    "empty activities": lambda: activities(repeated("<Activity/>")),
    "empty tracks of laps": lambda: activities(f"<Activity><Lap>{repeated('<Track/>')}</Lap></Activity>"),
    "a lap of many words": lambda: activities(
        "<Activity><Lap>" + "".join(f"<n{i}>1</n{i}>" for i in range(SIZE // 18)) + "</Lap></Activity>"
    ),
    "closing tags in a text": lambda: gpx(
        track(segment([point(0)])) + f"<desc><![CDATA[{repeated('</trkpt>')}]]></desc>"
    ),
    "never closed": lambda: gpx(track(segment([point(0)]))).replace(b"</trkpt>", b"") + b"<a>" * 10,
}


def consume(content: bytes) -> None:
    read = read_tcx if b"TrainingCenter" in content[:200] else read_gpx
    with contextlib.suppress(UnreadableFile):
        read(content)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_takes_at_most_twenty_times_its_size(kind: str) -> None:
    content = HOSTILE[kind]()
    tracemalloc.start()
    try:
        consume(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_FACTOR * len(content) + CONSTANT_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_takes_less_than_a_second_of_cpu(kind: str) -> None:
    content = HOSTILE[kind]()
    started = time.process_time()
    consume(content)
    assert time.process_time() - started < 1
