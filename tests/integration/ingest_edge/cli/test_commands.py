"""The command as people and programs use it, against a real platform and an emulated Bluetooth."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner, Result

from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.main import cli
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.simulator.activities import pool_swim, truncated
from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import Athlete, HeartRateStrap, PowerMeter
from ingest_edge.spool import SpoolLimits, open_spool
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.type.v1 import channel_pb2
from tests.integration.ingest_edge.spool.making import begin, numbered_batch
from tests.integration.ingest_edge.spool.platform import Platform

ROOT = Path(__file__).parents[4]
STRAP, METER = "C0:DE:00:00:00:01", "C0:DE:00:00:00:02"


class PlatformThread:
    """A platform on a loop of its own: commands run their own in the thread of the test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.platform = self.call(self._made())

    async def _made(self) -> Platform:
        platform = Platform()
        await platform.start()
        return platform

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self.call(self.platform.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def running() -> Iterator[PlatformThread]:
    thread = PlatformThread()
    yield thread
    thread.close()


@pytest.fixture
def sensors() -> Iterator[EmulatedBlueZ]:
    athlete = Athlete()
    peripherals = [
        HeartRateStrap(STRAP, athlete, interval_s=0.1),
        PowerMeter(METER, athlete, interval_s=0.1),
    ]
    with EmulatedBlueZ(peripherals) as bluez, bluez.as_system_bus():
        yield bluez


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    swim = write_activity(pool_swim(1, 1_790_000_000_000))
    (folder / "swim.fit").write_bytes(swim)
    (folder / "cut.fit").write_bytes(truncated(write_activity(pool_swim(2, 1_790_000_000_000)), 0.8))
    return folder


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PULSEMESH_EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PULSEMESH_EDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULSEMESH_EDGE_PATIENCE_S", "10")
    monkeypatch.setenv("PULSEMESH_EDGE_SCAN_S", "1")
    monkeypatch.setenv("PULSEMESH_EDGE_SPOOL_MIN_FREE_BYTES", "0")
    monkeypatch.setenv("PULSEMESH_EDGE_FLUSH_INTERVAL_S", "0.2")


def edge(*arguments: object, target: str = "127.0.0.1:1") -> Result:
    return CliRunner().invoke(cli, ["--target", target, *map(str, arguments)])


def events(result: Result, kind: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in result.stdout.splitlines())
    return [line for line in lines if line["event"] == kind]


async def _spooled(folder: Path) -> str:
    async with await open_spool(folder, SpoolLimits(min_free_bytes=0)) as spool:
        recording_id = await begin(spool)
        await spool.append(recording_id, "strap/heart_rate", numbered_batch(0, 25))
        return recording_id


def test_scan_lists_the_sensors_and_remembers_those_that_are_chosen(sensors: EmulatedBlueZ) -> None:
    found = edge("scan", "--remember", METER.lower(), "--json")
    assert found.exit_code == ExitCode.GOOD, found.output
    assert {sensor["address"] for sensor in events(found, "sensor")} == {STRAP, METER}
    again = edge("scan", "--json")
    remembered = [sensor["address"] for sensor in events(again, "sensor") if sensor["remembered"]]
    assert remembered == [METER]


def test_scan_without_any_sensor_says_so_with_its_exit_code() -> None:
    with EmulatedBlueZ([]) as bluez, bluez.as_system_bus():
        result = edge("scan", "--seconds", 0.3)
    assert result.exit_code == ExitCode.NO_SENSOR
    assert "no sensor was found" in result.stderr


def test_scan_without_bluetooth_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    result = edge("scan", "--seconds", 0.3)
    assert result.exit_code == ExitCode.NO_SENSOR
    assert "Bluetooth cannot be used" in result.stderr


def test_record_takes_what_it_finds_and_the_platform_gets_every_sample(
    running: PlatformThread, sensors: EmulatedBlueZ
) -> None:
    result = edge("record", "--seconds", 2, "--json", target=running.platform.target)
    assert result.exit_code == ExitCode.GOOD, result.output
    (finished,) = events(result, "finished")
    (workout,) = events(result, "workout")
    held = running.platform.recordings[finished["recording_id"]]
    assert held.workout_id == workout["workout_id"]
    assert {name: len(source.samples) for name, source in held.sources.items()} == finished["sources"]
    assert finished["samples"] > 5
    assert finished["lost"] == 0
    live = events(result, "live")
    assert any(sensor["values"] for numbers in live for sensor in numbers["sensors"])


def test_record_keeps_everything_where_the_platform_is_away(
    sensors: EmulatedBlueZ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEMESH_EDGE_PATIENCE_S", "0.5")
    result = edge("record", "--seconds", 2.5, "--json")
    assert result.exit_code == ExitCode.UNREACHABLE
    (finished,) = events(result, "finished")
    (spool,) = events(edge("status", "--json"), "spool")
    assert spool["waiting_samples"] == finished["samples"] > 0


def test_record_without_a_sample_leaves_nothing_behind(
    running: PlatformThread, sensors: EmulatedBlueZ
) -> None:
    edge("scan", "--remember", STRAP)
    sensors.set_in_range(STRAP, False)
    result = edge("record", "--seconds", 0.5, target=running.platform.target)
    assert result.exit_code == ExitCode.NO_SENSOR
    (spool,) = events(edge("status", "--json"), "spool")
    assert spool["waiting_recordings"] == 0
    assert not running.platform.recordings


def test_import_says_what_became_of_each_file_and_names_duplicates(
    running: PlatformThread, files: Path
) -> None:
    first = edge("import", files, "--json", target=running.platform.target)
    assert first.exit_code == ExitCode.GOOD, first.output
    by_name = {Path(file["path"]).name: file for file in events(first, "file")}
    assert by_name["swim.fit"]["status"] == "imported"
    assert by_name["cut.fit"]["status"] == "partial"
    assert len(running.platform.files) == 2
    second = edge("import", files, target=running.platform.target)
    assert second.exit_code == ExitCode.GOOD
    assert (
        f"duplicate         {files / 'swim.fit'}: workout {by_name['swim.fit']['workout_id']}"
        in second.stdout
    )


def test_import_of_a_bad_file_fails_and_status_lists_it(running: PlatformThread, files: Path) -> None:
    (files / "bad.fit").write_bytes(b"no")
    result = edge("import", files, target=running.platform.target)
    assert result.exit_code == ExitCode.SOME_FAILED
    assert "unreadable" in result.stdout
    listed = edge("status", "--json")
    assert [file["path"] for file in events(listed, "file")] == [str(files / "bad.fit")]


def test_import_of_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    result = edge("import", tmp_path / "nothing.fit")
    assert result.exit_code == ExitCode.USAGE
    assert "no such file" in result.stderr


def test_sync_brings_up_what_waited(running: PlatformThread, tmp_path: Path) -> None:
    recording_id = asyncio.run(_spooled(tmp_path / "home" / "spool"))
    result = edge("sync", "--json", target=running.platform.target)
    assert result.exit_code == ExitCode.GOOD, result.output
    (recording,) = events(result, "recording")
    assert recording["workout_id"] == running.platform.recordings[recording_id].workout_id


def test_sync_without_a_platform_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_EDGE_PATIENCE_S", "0.3")
    asyncio.run(_spooled(tmp_path / "home" / "spool"))
    result = edge("sync")
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "everything is kept in the spool" in result.stderr
    assert "25 of 25 samples wait" in edge("status").stdout


def test_sync_says_what_the_platform_refuses_and_tries_it_again_when_told(
    running: PlatformThread, tmp_path: Path
) -> None:
    asyncio.run(_spooled(tmp_path / "home" / "spool"))
    running.platform.refuse = (grpc.StatusCode.PERMISSION_DENIED, reason_pb2.ERROR_REASON_SCOPE_MISSING)
    refused = edge("sync", target=running.platform.target)
    assert refused.exit_code == ExitCode.SOME_FAILED
    assert "SCOPE_MISSING" in refused.stdout
    assert edge("status").exit_code == ExitCode.SOME_FAILED
    running.platform.refuse = None
    taken = edge("sync", "--retry-failed", target=running.platform.target)
    assert taken.exit_code == ExitCode.GOOD, taken.output
    assert edge("status").exit_code == ExitCode.GOOD


def test_the_token_of_a_file_goes_with_every_call(
    running: PlatformThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("secret-of-the-gateway\n")
    monkeypatch.setenv("PULSEMESH_EDGE_TOKEN_FILE", str(token))
    asyncio.run(_spooled(tmp_path / "home" / "spool"))
    edge("sync", target=running.platform.target)
    assert running.platform.tokens == ["Bearer secret-of-the-gateway"]


def test_a_spool_in_use_has_its_exit_code(tmp_path: Path) -> None:
    async def busy() -> subprocess.CompletedProcess[str]:
        async with await open_spool(tmp_path / "home" / "spool", SpoolLimits(min_free_bytes=0)):
            return await asyncio.to_thread(subprocess_edge, "sync")

    result = asyncio.run(busy())
    assert result.returncode == ExitCode.SPOOL
    assert "in use by process" in result.stderr


def subprocess_edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest_edge.cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_damaged_spool_has_its_exit_code_and_says_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "spool"
    folder.mkdir(parents=True)
    (folder / "spool.sqlite3").write_bytes(b"garbage " * 2000)
    result = edge("sync")
    assert result.exit_code == ExitCode.SPOOL
    assert "was moved to" in result.stderr
    assert "damaged" in edge("status").stdout or edge("sync").exit_code == ExitCode.UNREACHABLE


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("spool_max_bites = 3\n")
    result = edge("status")
    assert result.exit_code == ExitCode.USAGE
    assert "spool_max_bites" in result.stderr


def test_status_before_anything_was_recorded() -> None:
    result = edge("status")
    assert result.exit_code == ExitCode.GOOD
    assert "nothing was recorded yet" in result.stdout


def test_help_documents_the_exit_codes() -> None:
    result = edge("--help")
    assert result.exit_code == 0
    for code in ExitCode:
        assert f" {int(code)}  " in result.stdout


def test_simulate_files_writes_a_folder_that_imports(tmp_path: Path) -> None:
    result = edge("simulate", "files", tmp_path / "samples", "--start", "2026-05-04", "--json")
    assert result.exit_code == ExitCode.GOOD
    assert len(events(result, "file")) == 6
    assert len(list((tmp_path / "samples").glob("*.fit"))) == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_a_recording_cleanly(
    running: PlatformThread, sensors: EmulatedBlueZ, number: signal.Signals
) -> None:
    command = [
        sys.executable,
        "-m",
        "ingest_edge.cli.main",
        "--target",
        running.platform.target,
        "record",
        "--json",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "live" and lines[-1]["stored"] > 10:
                process.send_signal(number)
                break
        lines += [json.loads(line) for line in process.stdout]
    assert process.returncode == ExitCode.GOOD
    (finished,) = [line for line in lines if line["event"] == "finished"]
    held = running.platform.recordings[finished["recording_id"]]
    assert held.workout_id
    assert sum(len(source.samples) for source in held.sources.values()) == finished["samples"]


def test_keys_mark_a_lap_and_finish_a_recording_on_a_terminal(
    running: PlatformThread, sensors: EmulatedBlueZ
) -> None:
    edge("scan", "--remember", STRAP)
    command = [sys.executable, "-m", "ingest_edge.cli.main", "--target", running.platform.target, "record"]
    terminal, theirs = pty.openpty()
    screen = b""
    pressed = [b"l", b"p", b"p", b"q"]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the terminal of a process that has ended
            while part := os.read(terminal, 4096):
                screen += part
                if pressed and b"connected" in screen and b"bpm" in screen:
                    os.write(terminal, pressed.pop(0))
    os.close(terminal)
    assert process.returncode == ExitCode.GOOD, screen[-2000:]
    (held,) = running.platform.recordings.values()
    (marker,) = [name for name in held.sources if name.endswith("/marker")]
    assert held.values(marker, channel_pb2.CHANNEL_MARKER) == [
        channel_pb2.MARKER_KIND_LAP,
        channel_pb2.MARKER_KIND_PAUSE,
        channel_pb2.MARKER_KIND_RESUME,
    ]


def test_a_killed_recording_is_gone_on_with(running: PlatformThread, sensors: EmulatedBlueZ) -> None:
    command = [
        sys.executable,
        "-m",
        "ingest_edge.cli.main",
        "--target",
        running.platform.target,
        "record",
        "--json",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        safe = 0
        for line in process.stdout:
            event = json.loads(line)
            safe = event.get("stored", safe)
            if safe > 10:
                process.kill()
                break
    # The daemon holds the dead process's links until it notices, as a real one does.
    second = edge("record", "--seconds", 2, "--json", target=running.platform.target)
    assert second.exit_code == ExitCode.GOOD, second.output
    (resumed,) = events(second, "recording")
    (finished,) = events(second, "finished")
    assert resumed["resumed"]
    assert finished["samples"] >= safe
    held = running.platform.recordings[finished["recording_id"]]
    assert {name: len(source.samples) for name, source in held.sources.items()} == finished["sources"]


def test_an_unattended_gateway_makes_a_recording_of_each_time_its_sensors_speak(
    running: PlatformThread, sensors: EmulatedBlueZ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSEMESH_EDGE_SILENCE_ENDS_S", "0.7")
    edge("scan", "--remember", STRAP)
    command = [
        *(sys.executable, "-m", "ingest_edge.cli.main", "--target", running.platform.target),
        *("record", "--unattended", "--json"),
    ]
    recorded = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "live" and event["stored"] > 5:
                sensors.set_in_range(STRAP, False)
            if event["event"] == "finished":
                recorded.append(event)
                sensors.set_in_range(STRAP, True)
            if len(recorded) == 2:
                process.send_signal(signal.SIGTERM)
    assert process.returncode == ExitCode.GOOD
    assert len({event["recording_id"] for event in recorded}) == 2
    assert edge("sync", target=running.platform.target).exit_code == ExitCode.GOOD
    for event in recorded:
        held = running.platform.recordings[event["recording_id"]]
        assert sum(len(source.samples) for source in held.sources.values()) == event["samples"]


def test_watch_imports_what_appears_until_it_is_told_to_stop(
    running: PlatformThread, files: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    command = [
        *(sys.executable, "-m", "ingest_edge.cli.main", "--target", running.platform.target),
        *("watch", str(inbox), "--interval", "0.1", "--json"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "watching"
        (inbox / "swim.fit").write_bytes((files / "swim.fit").read_bytes())
        imported = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert imported["status"] == "imported"
    assert process.returncode == ExitCode.GOOD


def test_the_service_manager_hears_that_a_watch_is_ready_and_alive(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        environment = os.environ | {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "300000"}
        command = [sys.executable, "-m", "ingest_edge.cli.main", "watch", str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
            heard = {manager.recv(100) for _ in range(4)}
            process.terminate()
            deadline = time.monotonic() + 30
            while b"STOPPING=1" not in heard and time.monotonic() < deadline:
                heard.add(manager.recv(100))
    assert heard == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
