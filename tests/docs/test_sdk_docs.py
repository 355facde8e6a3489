"""Runs the Python of the SDK's pages, a page at a time, against a real platform."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsemesh import testing

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs" / "sdk").glob("*.md"), ROOT / "client_sdk" / "python" / "README.md"])
ADDRESS = "localhost:50051"

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """Return the Python blocks of a page with the lines on which they begin."""
    text = page.read_text("utf-8")
    return [
        (text[: match.start(1)].count("\n"), textwrap.dedent(match[1])) for match in _BLOCK.finditer(text)
    ]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with testing.sync_platform() as running:
        yield running.target


async def run(page: Path, target: str) -> None:
    namespace: dict[str, Any] = {"__name__": "page", "asyncio": asyncio}
    for line, source in blocks(page):
        # The only thing that differs from what the reader sees is where the platform is.
        code = "\n" * line + source.replace(ADDRESS, target)
        compiled = compile(code, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(compiled, namespace)
        if inspect.isawaitable(result):
            await result


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, target: str) -> None:
    if "asyncio.run(" in page.read_text("utf-8"):
        for line, source in blocks(page):
            code = "\n" * line + source.replace(ADDRESS, target)
            exec(compile(code, str(page), "exec"), {"__name__": "page"})
    else:
        asyncio.run(run(page, target))


def test_the_pages_have_python_to_run() -> None:
    assert sum(len(blocks(page)) for page in PAGES) >= 20


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
