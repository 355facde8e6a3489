"""Telling others that the server is ready, and where."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path


def write_ready_file(
    path: Path, *, address: str, domains: Sequence[str], pids: Sequence[int], **more: str
) -> None:
    """Write {"address", "domains", "pids"} and what else is given as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    ready = {"address": address, "domains": list(domains), "pids": list(pids), **more}
    draft.write_text(json.dumps(ready) + "\n")
    draft.replace(path)


def ready_line(address: str, domains: Sequence[str], *, cell: str, mode: str, workers: int) -> str:
    """The one line that says that calls are taken."""
    processes = "" if workers == 1 else f", {workers} workers"
    return f"pulsemesh-server: serving {', '.join(domains)} on {address} (cell {cell}, {mode}{processes})"
