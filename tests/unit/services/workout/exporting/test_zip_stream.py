from __future__ import annotations

import hashlib
import io
import random
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.exporting.zip_stream import ZipStream


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=3000), max_size=4), max_size=5))
def test_what_is_taken_step_by_step_is_the_whole_zip_file(entries: list[list[bytes]]) -> None:
    stream, content, digests = ZipStream(), bytearray(), []
    for number, parts in enumerate(entries):
        entry = stream.entry(f"file-{number}", 1_780_000_000_000, sum(map(len, parts)))
        for part in parts:
            entry.write(part)
            content += stream.take()
        entry.close()
        digests.append(entry.sha256)
        content += stream.take()
    stream.finish()
    content += stream.take()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        for number, parts in enumerate(entries):
            read = archive.read(f"file-{number}")
            assert read == b"".join(parts)
            assert hashlib.sha256(read).hexdigest() == digests[number]


def test_nothing_of_an_entry_is_kept() -> None:
    stream, dice, taken = ZipStream(), random.Random(1), []
    entry = stream.entry("large", 0, 20 << 20)
    for _ in range(20):
        entry.write(dice.randbytes(1 << 20))
        taken.append(len(stream.take()))
    assert max(taken) < 1.1 * (1 << 20)
    stream.abandon()
    assert stream.take() == b""


def test_times_before_zip_are_the_earliest_that_zip_knows() -> None:
    stream = ZipStream()
    stream.add("old", b"", -1)
    stream.finish()
    with zipfile.ZipFile(io.BytesIO(stream.take())) as archive:
        assert archive.infolist()[0].date_time[0] == 1980


def test_an_abandoned_zip_file_ends_without_a_word() -> None:
    stream = ZipStream()
    stream.entry("half", 0, 10).write(b"half")
    stream.abandon()
    del stream
