from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsemesh import errors, sync
from pulsemesh.parts import exports, files, recordings, tokens, workouts
from pulsemesh.workout.v1 import recording_service_pb2
from tests.unit.pulsemesh import peers
from tests.unit.pulsemesh.peers import UNAVAILABLE, Platform, workout

ID = f"{1:026d}"


@pytest.fixture
def served() -> Iterator[Platform]:
    loop = sync.LoopThread()
    context = peers.platform()
    try:
        yield loop.run(context.__aenter__())
        loop.run(context.__aexit__(None, None, None))
    finally:
        loop.stop()


@pytest.fixture
def client(served: Platform) -> Iterator[sync.Client]:
    with sync.connect(served.target, "a-token") as connected:
        yield connected


@pytest.mark.parametrize(
    ("face", "core"),
    [
        (sync.Workouts, workouts.Workouts),
        (sync.Recordings, recordings.Recordings),
        (sync.Files, files.Files),
        (sync.Exports, exports.Exports),
        (sync.Tokens, tokens.Tokens),
    ],
)
def test_every_method_of_a_part_has_its_face(face: type, core: type) -> None:
    public = {name for name, member in vars(core).items() if callable(member) and not name.startswith("_")}
    assert public
    assert {name for name in vars(face) if not name.startswith("_")} == public
    for name in public:
        assert inspect.signature(getattr(face, name)) == inspect.signature(getattr(core, name))


def test_a_call_gives_its_answer(served: Platform, client: sync.Client) -> None:
    served.workouts.workouts = {ID: workout(1, title="Morning ride")}
    assert client.workouts.get(ID).title == "Morning ride"


def test_a_call_keeps_the_policy(served: Platform, client: sync.Client) -> None:
    served.workouts.workouts = {ID: workout(1)}
    served.script.fail("GetWorkout", UNAVAILABLE)
    client.workouts.get(ID)
    assert len(served.script.seen("GetWorkout")) == 2


def test_an_error_is_raised_in_the_calling_thread(client: sync.Client) -> None:
    with pytest.raises(errors.NotFound):
        client.workouts.get(ID)


def test_a_list_is_a_plain_iterator(served: Platform, client: sync.Client) -> None:
    served.workouts.workouts = {f"{n:026d}": workout(n) for n in range(60)}
    assert len(list(client.workouts.list())) == 60


def test_an_iterator_that_is_left_early_is_closed(served: Platform, client: sync.Client) -> None:
    served.recordings.endless = True
    updates = client.recordings.watch(ID)
    next(updates)
    updates.close()  # type: ignore[attr-defined]


def test_a_watch_is_a_plain_iterator(served: Platform, client: sync.Client) -> None:
    served.recordings.watches.append(
        [recording_service_pb2.WatchRecordingResponse(samples=n) for n in (1, 2)]
    )
    assert [update.samples for update in client.recordings.watch(ID)] == [1, 2]


def test_a_file_is_uploaded_with_progress(client: sync.Client, tmp_path: Path) -> None:
    path = tmp_path / "ride.fit"
    path.write_bytes(b"x" * 1000)
    seen: list[tuple[int, int]] = []
    uploaded = client.files.upload(path, progress=lambda sent, total: seen.append((sent, total)))
    assert seen == [(1000, 1000)]
    assert client.files.read(uploaded.file.file_id) == b"x" * 1000


def test_a_recording_is_made_without_async(served: Platform, client: sync.Client) -> None:
    with client.ingest.record("running", ["heart_rate"]) as live:
        for n in range(10):
            live.add(heart_rate=100 + n)
    assert live.workout_id
    assert len(served.ingest.samples) == 10


def test_a_token_is_created(client: sync.Client) -> None:
    assert client.auth.create_token("ada").access_token == "token-of-ada"


def test_many_threads_share_one_client(served: Platform, client: sync.Client) -> None:
    served.workouts.workouts = {ID: workout(1)}
    threads = [threading.Thread(target=client.workouts.get, args=(ID,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(served.script.seen("GetWorkout")) == 8


def test_a_call_from_a_callback_is_refused_and_does_not_hang(client: sync.Client) -> None:
    def call_back(sent: int, total: int) -> None:
        client.files.find("0" * 64)

    with pytest.raises(RuntimeError, match="callbacks"):
        client.files.upload(b"x", name="x", progress=call_back)


def test_closing_ends_the_thread(served: Platform) -> None:
    before = threading.active_count()
    client = sync.connect(served.target)
    assert threading.active_count() == before + 1
    client.close()
    client.close()
    assert threading.active_count() == before


def test_a_closed_client_says_so(served: Platform) -> None:
    client = sync.connect(served.target)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.workouts.get(ID)
