"""Starting and stopping what the ingest benchmarks run against."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class RunningServer:
    """One `benchmarks.ingest_server`, in a process of its own."""

    address: str
    pid: int
    _ready: Path

    def usage(self) -> dict[str, float]:
        """Return `cpu_s` and `resident_bytes` of the process now."""
        path = Path(f"{self._ready}.usage")
        path.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        for _ in range(2000):
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                found: dict[str, float] = json.loads(path.read_text())
                return found
            time.sleep(0.01)
        raise TimeoutError("the server did not report its usage")


@contextlib.contextmanager
def ingest_server(store: str, url: str = "") -> Iterator[RunningServer]:
    """Run a server over the given store until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="pulsemesh-bench-"))
    ready = folder / "ready"
    command = [sys.executable, "-m", "benchmarks.ingest_server", "--store", store, "--ready", str(ready)]
    process = subprocess.Popen([*command, "--url", url or f"sqlite:///{folder}"])
    try:
        while not ready.exists() or not ready.read_text():
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}")
            time.sleep(0.02)
        told = json.loads(ready.read_text())
        yield RunningServer(told["address"], told["pid"], ready)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL whose commits are durable; give its URL."""
    from tests.fixtures.postgres import start_postgres

    server = start_postgres(durable=True)
    try:
        yield server.url
    finally:
        server.stop()
