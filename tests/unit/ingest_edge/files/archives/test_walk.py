"""What is found in archives, and what is refused with which fault."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from ingest_edge.files.archives import (
    ArchiveFault,
    ArchiveLimits,
    ArchiveReader,
    ArchiveRefused,
    Found,
    Location,
    Refused,
    is_archive,
    members_of,
    walk,
)
from ingest_edge.files.kinds import FoundKind, kind_of_name
from tests.fixtures.export_archives import write_zip, zip_bytes

FIT = b"not really a FIT file, but bytes " * 10


def devices(path: Path, limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    with ArchiveReader(limits) as reader:
        found = [item for item in walk(path, limits) if isinstance(item, Found)]
        return {
            str(item.location.shown.relative_to(path)): reader.read(item.location)
            for item in found
            if item.kind is FoundKind.DEVICE
        }


def refused(path: Path, limits: ArchiveLimits | None = None) -> list[tuple[str, ArchiveFault]]:
    return [
        (str(item.location.shown.relative_to(path)), item.fault)
        for item in walk(path, limits)
        if isinstance(item, Refused)
    ]


def with_field(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The archive with some bytes of its first such header changed."""
    at = content.index(signature) + offset
    return content[:at] + value + content[at + len(value) :]


def test_device_files_in_folders_are_found_and_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x/y/1.FIT": FIT, "2.gpx.gz": b"gz", "photo.jpg": b"no"})
    assert devices(path) == {"x/y/1.FIT": FIT, "2.gpx.gz": b"gz"}


def test_pictures_are_passed_over_and_tables_are_metadata(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"media/1.jpg": b"", "activities.csv": b"", ".hidden.fit": b""})
    assert [item.kind for item in walk(path) if isinstance(item, Found)] == [
        FoundKind.OTHER,
        FoundKind.METADATA,
        FoundKind.OTHER,
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_each_supported_compression_is_read(tmp_path: Path, method: int) -> None:
    assert devices(write_zip(tmp_path / "a.zip", {"1.fit": FIT}, method)) == {"1.fit": FIT}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_in_a_zip_is_looked_into(tmp_path: Path, method: int) -> None:
    inner = zip_bytes({"deep/1.fit": FIT, "2.fit": FIT * 2})
    path = write_zip(tmp_path / "a.zip", {"parts/one.zip": inner}, method)
    assert devices(path) == {"parts/one.zip/deep/1.fit": FIT, "parts/one.zip/2.fit": FIT * 2}


def test_archives_nested_deeper_than_allowed_are_refused(tmp_path: Path) -> None:
    content = zip_bytes({"1.fit": FIT})
    for _ in range(3):
        content = zip_bytes({"inner.zip": content})
    (tmp_path / "a.zip").write_bytes(content)
    assert refused(tmp_path / "a.zip") == [("inner.zip/inner.zip/inner.zip", ArchiveFault.TOO_DEEP)]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_file_is_read_compressed_or_not(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tgz" if mode == "w:gz" else "a.tar")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name in ("plain/1.fit", "l" * 120 + "/" + "n" * 90 + ".fit"):
            info = tarfile.TarInfo(name)
            info.size = len(FIT)
            archive.addfile(info, io.BytesIO(FIT))
    assert list(devices(path).values()) == [FIT, FIT]
    assert "plain/1.fit" in devices(path)


def test_a_link_in_a_tar_file_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("1.fit")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    assert refused(tmp_path / "a.tar") == [("1.fit", ArchiveFault.NOT_A_FILE)]


def test_a_link_in_a_zip_file_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("1.fit")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert refused(tmp_path / "a.zip") == [("1.fit", ArchiveFault.NOT_A_FILE)]


@pytest.mark.parametrize("name", ["../up.fit", "a/../../up.fit", "/etc/up.fit", "C:\\up.fit", "a\nb.fit"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    write_zip(tmp_path / "a.zip", {name: FIT})
    (item,) = walk(tmp_path / "a.zip")
    assert isinstance(item, Refused)
    assert item.fault is ArchiveFault.UNSAFE_NAME


def test_an_encrypted_member_is_refused_and_its_neighbour_is_read(tmp_path: Path) -> None:
    content = zip_bytes({"1.fit": FIT, "2.fit": FIT})
    (tmp_path / "a.zip").write_bytes(with_field(content, b"PK\1\2", 8, b"\1\0"))
    assert refused(tmp_path / "a.zip") == [("1.fit", ArchiveFault.ENCRYPTED)]
    assert devices(tmp_path / "a.zip") == {"2.fit": FIT}


def test_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    content = zip_bytes({"1.fit": FIT})
    (tmp_path / "a.zip").write_bytes(with_field(content, b"PK\1\2", 10, struct.pack("<H", 93)))
    assert refused(tmp_path / "a.zip") == [("1.fit", ArchiveFault.UNSUPPORTED_COMPRESSION)]


def test_an_archive_without_its_end_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes({"1.fit": FIT})[:-30])
    assert refused(tmp_path / "a.zip") == [(".", ArchiveFault.DAMAGED)]


def test_a_damaged_directory_is_refused(tmp_path: Path) -> None:
    content = with_field(zip_bytes({"1.fit": FIT}), b"PK\1\2", 0, b"XX")
    (tmp_path / "a.zip").write_bytes(content)
    assert refused(tmp_path / "a.zip") == [(".", ArchiveFault.DAMAGED)]


def test_a_member_whose_bytes_are_damaged_is_told_when_it_is_read(tmp_path: Path) -> None:
    content = zip_bytes({"1.fit": FIT}, zipfile.ZIP_STORED)
    (tmp_path / "a.zip").write_bytes(content.replace(b"really", b"REALLY"))
    with pytest.raises(ArchiveRefused, match="checksum"):
        devices(tmp_path / "a.zip")


def test_a_member_that_inflates_out_of_proportion_is_a_bomb(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.fit": b"\0" * 32_000_000})
    with pytest.raises(ArchiveRefused) as caught:
        devices(path)
    assert caught.value.fault is ArchiveFault.BOMB


def test_a_member_larger_than_the_directory_says_is_a_bomb(tmp_path: Path) -> None:
    content = zip_bytes({"1.fit": FIT * 100})
    (tmp_path / "a.zip").write_bytes(with_field(content, b"PK\1\2", 24, struct.pack("<L", 100)))
    with pytest.raises(ArchiveRefused) as caught:
        devices(tmp_path / "a.zip")
    assert caught.value.fault is ArchiveFault.BOMB


def test_a_member_larger_than_a_device_file_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.fit": FIT})
    with pytest.raises(ArchiveRefused) as caught:
        devices(path, ArchiveLimits(max_member_bytes=100))
    assert caught.value.fault is ArchiveFault.TOO_LARGE


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The idea of "a better zip bomb" (Fifield, 2019) in its simplest form: one body, many entries."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(FIT) + body.flush()
    crc = zlib.crc32(FIT)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(packed), len(FIT), 5, 0) + b"1.fit"
    entry = struct.pack(
        *("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), len(FIT), 5, 0, 0, 0, 0, 0, 0)
    )
    directory = (entry + b"1.fit") * 50
    start = len(local) + len(packed)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 50, 50, len(directory), start, 0)
    (tmp_path / "a.zip").write_bytes(local + packed + directory + end)
    assert refused(tmp_path / "a.zip") == [(".", ArchiveFault.OVERLAPPING_MEMBERS)]


def test_more_members_than_allowed_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {f"{number}.fit": b"" for number in range(20)})
    assert refused(path, ArchiveLimits(max_members=10)) == [(".", ArchiveFault.TOO_MANY_MEMBERS)]


def test_more_bytes_than_allowed_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"1.fit": FIT})
    assert refused(path, ArchiveLimits(max_total_bytes=100)) == [(".", ArchiveFault.TOO_LARGE)]


def test_a_nested_archive_that_is_a_bomb_costs_only_itself(tmp_path: Path) -> None:
    bomb = zip_bytes({"0.fit": b""}) + b"\0" * 30_000_000
    path = write_zip(tmp_path / "a.zip", {"bomb.zip": bomb, "1.fit": FIT})
    assert refused(path) == [("bomb.zip", ArchiveFault.BOMB)]
    assert devices(path) == {"1.fit": FIT}


def test_names_in_utf8_without_the_flag_and_in_code_page_437_are_read(tmp_path: Path) -> None:
    content = zip_bytes({"aaaa.fit": FIT, "bbbb.fit": FIT})
    content = content.replace(b"aaaa", "éé".encode()).replace(b"bbbb", b"\x81\x81\x81b")
    (tmp_path / "a.zip").write_bytes(content)
    assert set(devices(tmp_path / "a.zip")) == {"éé.fit", "üüüb.fit"}


def test_two_members_of_one_name_are_both_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.fit", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("1.fit", b"two")
    with ArchiveReader() as reader:
        assert [reader.read(item.location) for item in walk(path) if isinstance(item, Found)] == [
            b"one",
            b"two",
        ]


def test_an_archive_behind_other_bytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"#!/bin/sh\n" * 20 + zip_bytes({"1.fit": FIT}))
    assert devices(tmp_path / "a.zip") == {"1.fit": FIT}


def test_a_zip64_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("1.fit", "w", force_zip64=True) as member:
            member.write(FIT)
        for number in range(66_000):
            archive.writestr(f"{number}", b"")
    assert devices(path) == {"1.fit": FIT}


def test_a_location_survives_being_written_down(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x.zip": zip_bytes({"1.fit": FIT})})
    (item,) = walk(path)
    again = Location(path, members_of(item.location.members_text()))
    with ArchiveReader() as reader:
        assert again == item.location
        assert reader.read(again) == FIT


@pytest.mark.parametrize(
    "text", ["[1]", "{}x", '[["a"]]', '[["a","stored",1,2,3,"x"]]', '[["a","no",1,2,3,4]]']
)
def test_what_is_no_location_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        members_of(text)


def test_archives_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    write_zip(tmp_path / "export", {"1.fit": FIT})
    (tmp_path / "ride.fit").write_bytes(FIT)
    assert is_archive(tmp_path / "export")
    assert not is_archive(tmp_path / "ride.fit")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.TCX.GZ", FoundKind.DEVICE),
        ("__MACOSX/a/._b.fit", FoundKind.OTHER),
        ("__MACOSX/a/b.fit", FoundKind.OTHER),
        ("export.tar.gz", FoundKind.ARCHIVE),
        ("x_0_summarizedActivities.json", FoundKind.METADATA),
        ("x_gear.json", FoundKind.METADATA),
        ("fit", FoundKind.OTHER),
    ],
)
def test_kinds_by_name(name: str, kind: FoundKind) -> None:
    assert kind_of_name(name) is kind
