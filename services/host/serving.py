"""One serving process, from start to drained."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from services.chassis.settings import Settings
from services.host.platform import running_platform
from services.host.readiness import ready_line, write_ready_file

SWITCH_INTERVAL_S = 0.0005
"""How long a thread that computes (closing, analysis) keeps the interpreter from the event loop. By default,
5 ms, a call that needs the loop four times waits 20 ms for a workout that somebody else imports."""


async def serve(
    settings: Settings,
    domains: Sequence[str],
    *,
    ready_file: Path | None,
    worker: int | None,
    follow_parent: bool,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Args:
        ready_file: where to write the bound address once calls are taken.
        worker: this process' number among those that share the port.
        follow_parent: also end when standard input ends, which is when the supervisor is gone.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if follow_parent:
        loop.add_reader(sys.stdin.fileno(), _parent_gone, loop, stop)
    async with running_platform(settings, domains, worker=worker) as platform:
        if ready_file is not None:
            write_ready_file(
                ready_file, address=platform.address, domains=platform.domains, pids=[os.getpid()]
            )
        if worker is None:
            line = ready_line(
                platform.address, platform.domains, cell=settings.cell, mode=settings.mode, workers=1
            )
            print(line, flush=True)
        await stop.wait()


def _parent_gone(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Standard input became readable: the supervisor never writes, so it has ended."""
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()
