from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from pulsemesh import Client, errors
from tests.unit.pulsemesh.peers import Platform

CONTENT = bytes(range(251)) * 4000  # about a megabyte: four chunks


@pytest.fixture
def ride(tmp_path: Path) -> Path:
    path = tmp_path / "ride.fit"
    path.write_bytes(CONTENT)
    return path


async def test_a_file_is_sent_whole_with_its_name_and_digest(
    platform: Platform, client: Client, ride: Path
) -> None:
    uploaded = await client.files.upload(ride)
    assert not uploaded.existed
    stored, content = platform.files.files[sha256(CONTENT).hexdigest()]
    assert stored.name == "ride.fit"
    assert stored.size_bytes == len(CONTENT)
    assert content == CONTENT


async def test_progress_grows_to_the_whole(client: Client, ride: Path) -> None:
    seen: list[tuple[int, int]] = []
    await client.files.upload(ride, progress=lambda sent, total: seen.append((sent, total)))
    assert [sent for sent, _ in seen] == [262_144, 524_288, 786_432, len(CONTENT)]
    assert {total for _, total in seen} == {len(CONTENT)}


async def test_a_file_that_the_platform_holds_is_not_sent(
    platform: Platform, client: Client, ride: Path
) -> None:
    await client.files.upload(ride)
    seen: list[int] = []
    again = await client.files.upload(CONTENT, name="copy.fit", progress=lambda sent, _: seen.append(sent))
    assert again.existed
    assert again.file.name == "ride.fit"
    assert seen == [len(CONTENT)]
    assert len(platform.script.seen("UploadFile")) == 1


async def test_an_upload_that_breaks_is_sent_again(platform: Platform, client: Client, ride: Path) -> None:
    platform.files.break_upload_after.extend([2, 1])
    uploaded = await client.files.upload(ride)
    assert not uploaded.existed
    assert platform.files.files[uploaded.file.sha256][1] == CONTENT
    assert len(platform.script.seen("UploadFile")) == 3


async def test_an_upload_whose_answer_was_lost_is_not_sent_again(
    platform: Platform, client: Client, ride: Path
) -> None:
    platform.files.lose_answer = True
    uploaded = await client.files.upload(ride)
    assert uploaded.existed
    assert len(platform.script.seen("UploadFile")) == 1
    assert len(platform.script.seen("FindFile")) == 2


async def test_an_upload_is_given_up_after_five_attempts(
    platform: Platform, client: Client, ride: Path
) -> None:
    platform.files.break_upload_after.extend([1] * 9)
    with pytest.raises(errors.Unavailable):
        await client.files.upload(ride)
    assert len(platform.script.seen("UploadFile")) == 5


async def test_an_empty_file_is_refused_before_it_travels(platform: Platform, client: Client) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.files.upload(b"", name="empty.fit")
    assert caught.value.violations[0].field == "header.size_bytes"
    assert platform.script.seen("UploadFile") == []


async def test_bytes_need_a_name(client: Client) -> None:
    with pytest.raises(ValueError, match="need a name"):
        await client.files.upload(b"x")


async def test_a_file_that_vanished_is_an_os_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await client.files.upload(tmp_path / "nothing.fit")


async def test_a_file_comes_back_byte_for_byte(client: Client, ride: Path, tmp_path: Path) -> None:
    uploaded = await client.files.upload(ride)
    target = tmp_path / "back.fit"
    stored = await client.files.download(uploaded.file.file_id, target)
    assert target.read_bytes() == CONTENT
    assert stored.name == "ride.fit"
    assert await client.files.read(uploaded.file.file_id) == CONTENT


async def test_a_download_that_breaks_begins_anew(
    platform: Platform, client: Client, ride: Path, tmp_path: Path
) -> None:
    uploaded = await client.files.upload(ride)
    platform.files.break_download_after.extend([3, 700])
    target = tmp_path / "back.fit"
    await client.files.download(uploaded.file.file_id, target)
    assert target.read_bytes() == CONTENT
    assert len(platform.script.seen("DownloadFile")) == 3


async def test_a_spoiled_download_leaves_no_file(
    platform: Platform, client: Client, ride: Path, tmp_path: Path
) -> None:
    uploaded = await client.files.upload(ride)
    platform.files.spoil = True
    with pytest.raises(errors.Internal, match="SHA-256"):
        await client.files.download(uploaded.file.file_id, tmp_path / "back.fit")
    assert os.listdir(tmp_path) == ["ride.fit"]


async def test_a_download_of_nothing_is_not_found(client: Client, tmp_path: Path) -> None:
    with pytest.raises(errors.NotFound):
        await client.files.download("0" * 26, tmp_path / "back.fit")
    assert os.listdir(tmp_path) == []
