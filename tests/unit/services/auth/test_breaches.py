"""Stolen passwords: found, not found, and what happens when nobody can say."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auth.breaches import (
    BreachedPasswordsFile,
    BreachedPasswordsRange,
    NoBreachedPasswords,
    sha1_of,
)

STOLEN = "password123"


class Ranges(BaseHTTPRequestHandler):
    """Answers as such services do; remembers what it was told."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Ranges.asked.append(self.path)
        digest = hashlib.sha1(STOLEN.encode(), usedforsecurity=False).hexdigest().upper()
        lines = [f"{'0' * 35}:3", f"{digest[5:]}:42"] if self.path.endswith(digest[:5]) else [f"{'1' * 35}:0"]
        body = "\r\n".join(lines).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Ranges.asked = []
    yield f"http://127.0.0.1:{server.server_port}/range/"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_range_is_asked_for_by_five_digits_and_nothing_else(url: str) -> None:
    collection = BreachedPasswordsRange(url)
    assert await collection.contains(STOLEN)
    assert not await collection.contains("something that nobody has")
    await collection.close()
    assert Ranges.asked[0] == f"/range/{sha1_of(STOLEN)[:5]}"


async def test_a_service_that_is_away_lets_the_password_pass() -> None:
    collection = BreachedPasswordsRange("http://127.0.0.1:9/", timeout_s=0.5)
    assert not await collection.contains(STOLEN)
    await collection.close()


async def test_a_file_that_is_missing_lets_the_password_pass(tmp_path: Path) -> None:
    assert not await BreachedPasswordsFile(tmp_path / "none").contains(STOLEN)


async def test_without_a_collection_every_password_passes() -> None:
    assert not await NoBreachedPasswords().contains(STOLEN)


@settings(max_examples=60, deadline=None)
@given(
    stolen=st.sets(st.text(min_size=1, max_size=8), max_size=40),
    wanted=st.text(min_size=1, max_size=8),
    counted=st.booleans(),
)
def test_bisection_finds_what_is_in_the_file_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, stolen: set[str], wanted: str, counted: bool
) -> None:
    path = tmp_path_factory.mktemp("stolen") / "sha1.txt"
    names = sorted({sha1_of(password) for password in stolen})
    path.write_text(
        "".join(f"{name}:{7 * number}\n" if counted else f"{name}\n" for number, name in enumerate(names))
    )
    collection = BreachedPasswordsFile(path)
    assert collection._bisect(sha1_of(wanted).encode()) == (sha1_of(wanted) in names)
    assert all(collection._bisect(name.encode()) for name in names)
