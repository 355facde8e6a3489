"""Mutated GPX and TCX files, and what must hold of whatever a decoder makes of them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import numpy as np

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.tcx import read_tcx
from tests.unit.ingest_edge.files.gpx import making as gpx_making
from tests.unit.ingest_edge.files.tcx import making as tcx_making

Read = Callable[..., Activity]

_TOKENS = (
    b"<", b">", b"/>", b"</", b"&", b"&amp;", b"&#0;", b"&#65;", b"&x;", b'"', b"'", b"=", b" ", b"\n",
    b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x ?>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"<!DOCTYPE a>", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf",
    b"\xe2\x82\xac", b"<trkpt lat='1' lon='2'>", b"</trkpt>", b"<trkseg>", b"</trkseg>", b"<trk>",
    b"</trk>", b"<trkpt/>",
    b"<time>", b"</time>", b"<ele>", b"</ele>", b"<hr>", b"</hr>", b"<Value>", b"</Value>",
    b"<Trackpoint>", b"</Trackpoint>", b"<Track>", b"</Track>", b"<Lap StartTime='x'>", b"</Lap>",
    b"<Activity Sport='Running'>", b"</Activity>", b"<Transition>", b"<Course>", b"</Course>",
    b"NaN", b"1e999", b"-inf", b"1_0", b"2024-05-01T06:00:05Z", b"9999-12-31T23:59:60+23:59", b"xmlns:a='b'",
)  # fmt: skip


def seeds() -> list[tuple[Read, str, bytes]]:
    """Small sound files: the reader, the name of a point's element, the content."""
    extension = (
        "<extensions><power>200</power><g:TrackPointExtension><g:hr>150</g:hr><g:cad>80</g:cad>"
        "</g:TrackPointExtension></extensions>"
    )
    stretches = [
        gpx_making.segment(gpx_making.point(i, f"<ele>{i}.5</ele>" + extension) for i in range(12)),
        gpx_making.segment(gpx_making.point(i, "" if i % 3 else "<ele>1</ele>") for i in range(30, 42)),
    ]
    pulse = "<HeartRateBpm><Value>140</Value></HeartRateBpm>"
    laps = (
        tcx_making.lap(0, 8, tcx_making.trackpoints(range(8), pulse, extension="<Watts>200</Watts>")),
        tcx_making.lap(8, 9, tcx_making.trackpoints(range(8, 12)), tcx_making.trackpoints(range(15, 18))),
    )
    gpx = gpx_making.gpx(gpx_making.track(*stretches, kind="running"))
    wide = gpx.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    return [
        (read_gpx, "trkpt", gpx),
        (read_gpx, "trkpt", wide),
        (read_gpx, "trkpt", gpx.replace(b"><", b">\n  <")),
        (read_tcx, "Trackpoint", tcx_making.activities(tcx_making.activity(*laps))),
        (read_tcx, "Trackpoint", tcx_making.activities(tcx_making.activity(*laps)).replace(b"\n", b"\r\n")),
    ]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content with one to six changes: octets, tokens, stretches cut, doubled, moved."""
    octets = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(octets) + 1)
        length = chance.choice((1, 1, 2, 8, 40, 200))
        match chance.randrange(7):
            case 0 if at < len(octets):
                octets[at] = chance.randrange(256)
            case 1:
                octets[at:at] = chance.choice(_TOKENS)
            case 2:
                octets[at : at + length] = chance.choice(_TOKENS)
            case 3:
                del octets[at : at + length]
            case 4:
                octets[at:at] = octets[at : at + length]
            case 5:
                other = chance.randrange(len(octets) + 1)
                octets[at:at] = octets[other : other + length]
            case 6 if chance.random() < 0.3:
                del octets[at:]
            case _:
                octets[at : at + 1] = chance.choice(b"0123456789.-<>/ \"'").to_bytes(1, "big")
    return bytes(octets)


def outcome(read: Read, content: bytes, **options: bool) -> Activity | UnreadableFile:
    try:
        return read(content, **options)
    except UnreadableFile as refusal:
        return refusal


def comparable(result: Activity | UnreadableFile) -> Any:
    """The result as values that can be compared."""
    if isinstance(result, UnreadableFile):
        return type(result), result.reason, result.offset
    tables = [
        (
            table.time_ms.tolist(),
            {name: column.tolist() for name, column in table.columns.items()},
            {name: None if valid is None else valid.tolist() for name, valid in table.validity.items()},
        )
        for table in result.tables
    ]
    parts = (result.sessions, result.laps, result.markers, result.losses)
    return result.device, result.start_time_ms, *parts, tables


def whole_points(content: bytes, name: str) -> tuple[int, bool]:
    """How many points stdlib's bare parser closes, and whether it comes to the end."""
    parser = expat.ParserCreate()
    closed = [0]
    opened: list[bool] = []

    def start(tag: str, _attributes: object) -> None:
        inside = bool(opened) and opened[-1]
        is_point = tag.rpartition(":")[2].lower() == name.lower()
        if is_point and not inside:
            outermost.append(len(opened))
        opened.append(inside or is_point)

    def end(_tag: str) -> None:
        opened.pop()
        if outermost and outermost[-1] == len(opened):
            outermost.pop()
            closed[0] += 1

    outermost: list[int] = []
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(content.lstrip(b" \t\r\n"), True)
    except expat.ExpatError:
        return closed[0], False
    return closed[0], True


@dataclass
class Tally:
    """How the cases ended, and the slowest one's CPU seconds."""

    cases: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0


def run_cases(count: int, seed: int) -> Tally:
    """Check that many mutated files. Raises `AssertionError` with the file that broke a promise."""
    chance = random.Random(seed)
    tally, corpus = Tally(), seeds()
    for _ in range(count):
        read, name, content = chance.choice(corpus)
        case = mutated(content, chance)
        started = time.process_time()
        result = outcome(read, case)
        tally.slowest_s = max(tally.slowest_s, time.process_time() - started)
        tally.cases += 1
        tally.ends[_check(read, name, case, result)] += 1
    return tally


def _check(read: Read, name: str, case: bytes, result: Activity | UnreadableFile) -> str:
    assert comparable(result) == comparable(outcome(read, case, with_runs=False)), case
    if isinstance(result, UnreadableFile):
        return "refused"
    if any("no UTF-8" in loss.reason for loss in result.losses):
        return "in part"
    closed, sound = whole_points(case, name)
    damage = [loss for loss in result.losses if loss.offset is not None]
    assert bool(damage) != sound, case
    assert all(0 <= loss.offset <= len(case) for loss in damage if loss.offset is not None), case
    points = sum(len(table) for table in result.tables)
    assert points <= closed, case
    if not result.losses:
        assert points == closed or b"ourse" in case or b"lon" in case, case
    for table in result.tables:
        assert not (np.diff(table.time_ms) < 0).any(), case
        assert set(table.columns) == set(table.validity), case
    return "in part" if result.losses else "whole"
