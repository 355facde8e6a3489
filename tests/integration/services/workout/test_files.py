"""Original files: in, found, out, byte for byte."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest

from pulsemesh.workout.v1 import file_service_pb2
from services.workout.tables import file_parts, files
from tests.integration.services.workout.conftest import (
    STRANGER,
    Rig,
    collected,
    reason_of,
    ride,
    sha256_of,
    violated_fields,
)


async def upload(rig: Rig, content: bytes, *, chunk_bytes: int = 400_000, **header: Any) -> Any:
    fields: dict[str, Any] = {
        "name": "ride.fit",
        "size_bytes": len(content),
        "sha256": sha256_of(content),
    } | header
    parts = [content[start : start + chunk_bytes] for start in range(0, len(content), chunk_bytes)]
    requests = [
        file_service_pb2.UploadFileRequest(header=file_service_pb2.FileHeader(**fields)),
        *(file_service_pb2.UploadFileRequest(chunk=part) for part in parts),
    ]
    return await rig.files.UploadFile(iter(requests), metadata=rig.who)


async def find(rig: Rig, content: bytes) -> Any:
    request = file_service_pb2.FindFileRequest(sha256=sha256_of(content))
    return await rig.files.FindFile(request, metadata=rig.who)


async def download(rig: Rig, file_id: str) -> tuple[Any, bytes]:
    request = file_service_pb2.DownloadFileRequest(file_id=file_id)
    first, *rest = await collected(rig.files.DownloadFile(request, metadata=rig.who))
    return first.file, b"".join(message.chunk for message in rest)


async def test_a_file_comes_back_byte_for_byte(rig: Rig) -> None:
    content = random.Random(1).randbytes(6_000_000)
    uploaded = await upload(rig, content)
    assert not uploaded.existed
    assert uploaded.file.size_bytes == len(content)
    file, again = await download(rig, uploaded.file.file_id)
    assert file == uploaded.file
    assert again == content
    assert await rig.rows(file_parts) == {"file_parts": 6}


async def test_a_file_sent_again_is_the_same_file(rig: Rig) -> None:
    first = await upload(rig, b"content")
    again = await upload(rig, b"content", name="other.fit")
    assert again.existed
    assert again.file == first.file
    assert await rig.rows(files) == {"files": 1}


async def test_a_file_sent_twice_at_once_is_kept_once(rig: Rig) -> None:
    content = random.Random(2).randbytes(2_000_000)
    answers = await asyncio.gather(*(upload(rig, content) for _ in range(3)))
    assert len({answer.file.file_id for answer in answers}) == 1
    assert sum(not answer.existed for answer in answers) == 1
    assert (await download(rig, answers[0].file.file_id))[1] == content


async def test_a_file_is_found_by_its_content(rig: Rig) -> None:
    uploaded = await upload(rig, b"content")
    assert (await find(rig, b"content")).file == uploaded.file
    assert not (await find(rig, b"other")).HasField("file")


async def test_a_file_knows_its_workout(rig: Rig) -> None:
    recording_id, response = await rig.append([ride(20)], finish=True)
    await upload(rig, b"content")
    linked = await upload(rig, b"content", recording_id=recording_id)
    assert linked.existed
    assert linked.file.workout_id == response.closed.workout_id
    assert (await rig.get(response.closed.workout_id)).file_id == linked.file.file_id


async def test_content_with_another_checksum_is_not_kept(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await upload(rig, b"content", sha256=sha256_of(b"other"))
    assert reason_of(caught.value) == "CHECKSUM_MISMATCH"
    assert await rig.rows(files, file_parts) == {"files": 0, "file_parts": 0}


@pytest.mark.parametrize("announced", [3, 10_000])
async def test_content_of_another_size_is_not_kept(rig: Rig, announced: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await upload(rig, b"content", size_bytes=announced)
    assert "header.size_bytes" in violated_fields(caught.value)
    assert await rig.rows(files) == {"files": 0}


async def test_content_without_a_header_is_refused(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rig.files.UploadFile(
            iter([file_service_pb2.UploadFileRequest(chunk=b"content")]), metadata=rig.who
        )
    assert "header" in violated_fields(caught.value)


async def test_an_upload_that_breaks_off_leaves_nothing(rig: Rig) -> None:
    call = rig.files.UploadFile(metadata=rig.who)
    header = file_service_pb2.FileHeader(name="a.fit", size_bytes=10, sha256="0" * 64)
    await call.write(file_service_pb2.UploadFileRequest(header=header))
    await call.write(file_service_pb2.UploadFileRequest(chunk=b"12345"))
    call.cancel()
    await asyncio.sleep(0.05)
    assert await rig.rows(files, file_parts) == {"files": 0, "file_parts": 0}


async def test_each_person_has_files_of_their_own(rig: Rig) -> None:
    mine = await upload(rig, b"content")
    stranger = rig.as_user(STRANGER)
    assert not (await find(stranger, b"content")).HasField("file")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await download(stranger, mine.file.file_id)
    assert reason_of(caught.value) == "NOT_FOUND"
    theirs = await upload(stranger, b"content")
    assert theirs.file.file_id != mine.file.file_id
