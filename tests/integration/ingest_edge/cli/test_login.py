"""`pulsemesh-edge login`, as a process of its own, against the whole platform."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest_edge.uplink.sign_in import FILE
from pulsemesh.client import Client, connect
from pulsemesh.credentials import SessionCredentials, SessionTokens
from services.host.platform import Platform
from tests.fixtures.quick_platform import quick_platform

EMAIL, PASSWORD = "ann@example.org", "correct horse battery"
PATIENCE_S = 60.0
TRACK = """<?xml version="1.0"?><gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">
<trk><trkseg>{}</trkseg></trk></gpx>"""


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Platform]:
    monkeypatch.setenv("PULSEMESH_IDENTITY_ARGON2_MEMORY_KIB", "8")
    async with quick_platform(tmp_path / "platform", {"auth": {"http_listen": "127.0.0.1:0"}}) as running:
        yield running


async def sign_up(platform: Platform) -> SessionTokens:
    """A person, by the mail of the platform."""
    async with connect(platform.address) as anyone:
        begun = await anyone.account.sign_up(EMAIL, PASSWORD, country="DE", at_least_years=18)
        folder = platform.settings.data_dir / "mail"
        async with asyncio.timeout(PATIENCE_S):
            while not (mails := list(folder.glob("*.eml"))):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)
        code = re.search(r"^([0-9]{6})\r?$", mails[0].read_text(), re.MULTILINE)
        assert code is not None
        return await anyone.account.verify(begun.sign_up, code.group(1))


class Edge:
    """The command with a home of its own."""

    def __init__(self, platform: Platform, home: Path) -> None:
        self.home = home
        self._platform = platform

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ingest_edge.cli.main",
            "--home",
            str(self.home),
            "--target",
            self._platform.address,
            *arguments,
            "--json",
            stdout=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> tuple[int | None, list[dict[str, Any]]]:
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
        return process.returncode, [json.loads(line) for line in said.splitlines()]

    def kept(self) -> dict[str, Any]:
        return dict(json.loads((self.home / FILE).read_text())[self._platform.address])

    def outdate(self) -> None:
        """Let the access token be out of date, as after a night."""
        content = {self._platform.address: {**self.kept(), "access_expires_at_s": 1.0, "access_token": "old"}}
        (self.home / FILE).write_text(json.dumps(content))


async def command(owner: SessionCredentials, target: str, *arguments: str) -> dict[str, Any]:
    """What `pulsemesh` says to the owner."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from pulsemesh.cli.main import main; main()",
        *arguments,
        "--json",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PULSEMESH_TARGET": target, "PULSEMESH_TOKEN": await owner.token()},
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return dict(json.loads(said))


async def log_in(edge: Edge, owner: Client, credentials: SessionCredentials, target: str) -> int | None:
    process = await edge.start("login", "--name", "shed")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        shown = json.loads(await process.stdout.readline())
        pending = await owner.devices.pending(shown["user_code"])
        assert (pending.app_name, pending.device_name) == ("Pulsemesh sensor gateway", "shed")
        said = await command(credentials, target, "device", "approve", shown["user_code"])
        assert said == {"approved": True, "client_id": "pulsemesh-edge"}
        await process.stdout.read()
        return await process.wait()


def write_track(folder: Path) -> Path:
    points = "".join(
        f'<trkpt lat="52.{second:04d}" lon="13.4"><time>2024-05-01T08:00:{second:02d}Z</time></trkpt>'
        for second in range(30)
    )
    path = folder / "ride.gpx"
    path.write_text(TRACK.format(points))
    return path


async def test_a_gateway_is_let_in_sends_and_renews_itself(platform: Platform, tmp_path: Path) -> None:
    edge = Edge(platform, tmp_path / "edge")
    tokens = await sign_up(platform)
    credentials = SessionCredentials(tokens)
    async with connect(platform.address, credentials) as owner:
        assert await log_in(edge, owner, credentials, platform.address) == 0
        assert stat.S_IMODE((edge.home / FILE).stat().st_mode) == 0o600
        first = edge.kept()
        assert first["user_id"] == tokens.user_id

        edge.outdate()
        code, said = await edge.run("import", str(write_track(tmp_path)))
        assert code == 0, said
        assert edge.kept()["refresh_token"] != first["refresh_token"]
        assert [workout.user_id async for workout in owner.workouts.list()] == [tokens.user_id]

        devices = [each for each in await owner.sessions.list() if each.client_id == "pulsemesh-edge"]
        assert [(each.device_name, list(each.scopes)) for each in devices] == [
            ("shed", ["ingest", "workout.read"])
        ]
        listed = await command(credentials, platform.address, "apps")
        assert (listed["client_id"], listed["scopes"]) == ("pulsemesh-edge", ["ingest", "workout.read"])
        assert (await edge.run("logout"))[0] == 0
        assert [each.client_id for each in await owner.sessions.list()] == ["pulsemesh"]
        assert not json.loads((edge.home / FILE).read_text())
