"""Files that are whole or not there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["Part", "whole_file"]


@dataclass
class Part:
    """A file that is being written beside its place.

    Attributes:
        target: where it is once the block has ended well.
        name: what it is called there, for a block that was given a directory.
    """

    stream: IO[bytes]
    target: Path
    name: str = ""


@contextlib.asynccontextmanager
async def whole_file(path: Path) -> AsyncIterator[Part]:
    """Give a file to write to; it gets its name only when the block ends well, and is gone otherwise."""
    directory = await asyncio.to_thread(path.is_dir)
    folder = path if directory else path.parent
    handle, temporary = await asyncio.to_thread(tempfile.mkstemp, dir=folder, prefix=".export-")
    try:
        with os.fdopen(handle, "w+b") as stream:
            part = Part(stream, path)
            yield part
            await asyncio.to_thread(_settle, stream)
        if directory:
            part.target = path / (Path(part.name).name or "export")
        await asyncio.to_thread(os.replace, temporary, part.target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _settle(stream: IO[bytes]) -> None:
    """Put it on the disk before it gets its name: a crash must not leave a name without the content."""
    stream.flush()
    os.fsync(stream.fileno())
