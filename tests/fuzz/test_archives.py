"""Arbitrary bytes as archives: nothing but what the port allows comes out, and what is whole is read."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files.archives import ArchiveLimits, ArchiveReader, ArchiveRefused, Found, Refused, walk
from ingest_edge.files.kinds import FoundKind

LIMITS = ArchiveLimits(max_members=100, max_member_bytes=1 << 16, max_nested_bytes=1 << 20)

names = st.from_regex(r"[a-z]{1,6}(/[a-z]{1,6})?\.(fit|gpx|zip|jpg)", fullmatch=True)
members = st.dictionaries(names, st.binary(max_size=2000), max_size=6)
methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])


def zipped(content: dict[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    return stream.getvalue()


def tarred(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return stream.getvalue()


def read_all(content: bytes) -> dict[str, bytes | None]:
    """Device files by their names, None for those that turned out bad; anything may be refused."""
    with tempfile.TemporaryDirectory() as folder, ArchiveReader(LIMITS) as reader:
        path = Path(folder) / "archive"
        path.write_bytes(content)
        found: dict[str, bytes | None] = {}
        for item in walk(path, LIMITS):
            assert isinstance(item, Found | Refused)
            if isinstance(item, Found) and item.kind is FoundKind.DEVICE:
                name = str(item.location.shown.relative_to(path))
                try:
                    found[name] = reader.read(item.location)
                except ArchiveRefused:
                    found[name] = None
        return found


@given(members, methods)
@settings(max_examples=60, deadline=None)
def test_what_a_zip_tool_wrote_is_read_back(content: dict[str, bytes], method: int) -> None:
    wanted = {name: body for name, body in content.items() if name.endswith((".fit", ".gpx"))}
    assert read_all(zipped(content, method)) == wanted


@given(members)
@settings(max_examples=40, deadline=None)
def test_what_a_tar_tool_wrote_is_read_back(content: dict[str, bytes]) -> None:
    wanted = {name: body for name, body in content.items() if name.endswith((".fit", ".gpx"))}
    assert read_all(tarred({"first.jpg": b"", **content})) == wanted


@given(members, methods, st.data())
@settings(max_examples=150, deadline=None)
def test_a_mutated_zip_gives_what_was_in_it_or_nothing(
    content: dict[str, bytes], method: int, data: st.DataObject
) -> None:
    mutated = bytearray(zipped(content, method))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    bodies = set(content.values())
    for body in read_all(bytes(mutated)).values():
        # The checksum guards the bytes; only where its own bytes were hit as well could others pass.
        assert body is None or body in bodies


@given(members, st.data())
@settings(max_examples=100, deadline=None)
def test_a_mutated_tar_raises_nothing(content: dict[str, bytes], data: st.DataObject) -> None:
    mutated = bytearray(tarred({"first.jpg": b"", **content}))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(mutated))


@given(st.sampled_from([b"", b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08"]), st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_raise_nothing(start: bytes, rest: bytes) -> None:
    read_all(start + rest)
