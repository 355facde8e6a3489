from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsemesh.cli.commands import cli
from pulsemesh.sync import LoopThread
from tests.unit.pulsemesh import peers


@pytest.fixture
def served() -> Iterator[peers.Platform]:
    """The peers on a loop of their own: a command has its own loop, and blocks the test's."""
    loop = LoopThread()
    context = peers.platform()
    try:
        yield loop.run(context.__aenter__())
        loop.run(context.__aexit__(None, None, None))
    finally:
        loop.stop()


Run = Callable[..., Result]


@pytest.fixture
def config_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory of the test's own."""
    home = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.delenv("PULSEMESH_TOKEN", raising=False)
    monkeypatch.delenv("PULSEMESH_TARGET", raising=False)
    return home


@pytest.fixture
def run(served: peers.Platform, config_home: Path) -> Run:
    """Run a command, signed in, against the peers."""

    def invoke(*arguments: str, token: str = "a-token") -> Result:
        leading = ["--target", served.target, *(["--token", token] if token else [])]
        return CliRunner().invoke(cli, [*leading, *arguments], prog_name="pulsemesh")

    return invoke


def lines(result: Result) -> list[Any]:
    """Return what a command wrote, a JSON document a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]
