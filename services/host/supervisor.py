"""Several worker processes on one port: starts them, replaces those that die, ends them together.

Workers are started as fresh processes, never forked: the gRPC core does not survive a fork, and this module
imports nothing of it. Each worker ends by itself when its standard input ends, so that none outlives a
supervisor that was killed.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from services.chassis.settings import Settings
from services.chassis.settings.model import split_address
from services.host.exit_codes import ExitCode
from services.host.readiness import ready_line, write_ready_file

POLL_S = 0.1
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 30.0
"""A worker that lived so long is replaced at once when it dies."""
KILL_AFTER_S = 10.0
"""Seconds beyond the grace of draining after which a worker is killed."""
HOPELESS = frozenset({ExitCode.USAGE, ExitCode.POLICY, ExitCode.ADDRESS})
"""Exit codes that a new attempt would only repeat."""


@contextmanager
def reserved_port(listen: str) -> Iterator[str]:
    """Hold the port for the workers, bound and not listening; takes a free one for port 0.

    Raises:
        OSError: it cannot be bound.
    """
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
        bound = holder.getsockname()[1]
        yield f"[{host}]:{bound}" if family == socket.AF_INET6 else f"{host}:{bound}"


class Worker:
    """One worker and its successors."""

    def __init__(self, command: Sequence[str], ready_file: Path) -> None:
        self._command = command
        self._ready_file = ready_file
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._deaths = 0

    @property
    def pid(self) -> int:
        """Of the present process, 0 between two."""
        return self._process.pid if self._process is not None else 0

    @property
    def ready(self) -> bool:
        """Whether the present process takes calls."""
        return self._process is not None and self._ready_file.exists()

    def domains(self) -> list[str]:
        """What the ready process says it serves."""
        names: list[str] = json.loads(self._ready_file.read_text())["domains"]
        return names

    def start(self) -> None:
        """Start a process."""
        self._ready_file.unlink(missing_ok=True)
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)

    def tend(self) -> int | None:
        """Replace a dead process when its time has come; returns the exit code of one that just died."""
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return None
        code = self._process.poll()
        if code is not None:
            self._mourn()
        return code

    def _mourn(self) -> None:
        self._close_stdin()
        self._process = None
        steady = time.monotonic() - self._started_at > STEADY_AFTER_S
        self._deaths = 0 if steady else self._deaths + 1
        pause_s = 0.0 if steady else min(FIRST_PAUSE_S * 2.0 ** (self._deaths - 1), LONGEST_PAUSE_S)
        self._start_at = time.monotonic() + pause_s

    def terminate(self) -> None:
        """Ask the process to drain."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_or_kill(self, until: float) -> None:
        """Wait for the end until a moment of the monotonic clock, then kill."""
        if self._process is None:
            return
        try:
            self._process.wait(max(until - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_stdin()

    def _close_stdin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


class Supervisor:
    """All workers of one server."""

    def __init__(self, settings: Settings, domains: Sequence[str], ready_file: Path | None) -> None:
        self._settings = settings
        self._domains = domains
        self._ready_file = ready_file
        self._stopping = False
        self._announced = False

    def run(self) -> ExitCode:
        """Supervise until SIGTERM or SIGINT; returns when every worker has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            with (
                reserved_port(self._settings.server.listen) as address,
                tempfile.TemporaryDirectory(prefix="pulsemesh-workers-") as directory,
            ):
                workers = self._start(address, Path(directory))
                try:
                    return self._tend(workers, address)
                finally:
                    self._end(workers)
        except OSError as error:
            click.echo(
                f"pulsemesh-server: cannot listen on {self._settings.server.listen}: {error}", err=True
            )
            return ExitCode.ADDRESS

    def _stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True

    def _start(self, address: str, directory: Path) -> list[Worker]:
        workers = []
        for number in range(self._settings.server.workers):
            ready_file = directory / f"{number}.json"
            worker = Worker(self._command(address, number, ready_file), ready_file)
            worker.start()
            workers.append(worker)
        return workers

    def _command(self, address: str, number: int, ready_file: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "services.host", "serve", *self._domains),
            *("--listen", address, "--workers", str(self._settings.server.workers)),
            *("--data-dir", str(self._settings.data_dir)),
            *("--worker-number", str(number), "--ready-file", str(ready_file)),
        ]

    def _tend(self, workers: list[Worker], address: str) -> ExitCode:
        while not self._stopping:
            for worker in workers:
                code = worker.tend()
                if code is None or self._stopping:
                    continue
                if code in HOPELESS or not self._announced:
                    return ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED
                click.echo(f"pulsemesh-server: a worker ended with {code} and is replaced", err=True)
            if not self._announced and all(worker.ready for worker in workers):
                self._announce(workers, address)
            time.sleep(POLL_S)
        return ExitCode.OK

    def _announce(self, workers: list[Worker], address: str) -> None:
        self._announced = True
        domains = list(self._domains) or workers[0].domains()
        if self._ready_file is not None:
            pids = [worker.pid for worker in workers]
            write_ready_file(self._ready_file, address=address, domains=domains, pids=pids)
        settings = self._settings
        click.echo(ready_line(address, domains, cell=settings.cell, mode=settings.mode, workers=len(workers)))

    def _end(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.terminate()
        server = self._settings.server
        until = time.monotonic() + server.drain_delay_s + server.drain_grace_s + KILL_AFTER_S
        for worker in workers:
            worker.wait_or_kill(until)


def supervise(settings: Settings, domains: Sequence[str], *, ready_file: Path | None) -> ExitCode:
    """Run `settings.server.workers` workers; see `Supervisor.run`."""
    return Supervisor(settings, domains, ready_file).run()
