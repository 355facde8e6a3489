"""Single keys from a terminal, without waiting for Enter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Mapping


@contextlib.contextmanager
def key_presses(actions: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Call the action of each key that is pressed, on the running event loop, while the block lasts.

    Does nothing where standard input is not a terminal of ours.
    """
    if not sys.stdin.isatty() or not _is_ours(sys.stdin.fileno()):
        yield
        return
    descriptor = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        pressed = os.read(descriptor, 32).decode(errors="ignore").lower()
        if not pressed:
            loop.remove_reader(descriptor)
        for key in pressed:
            actions.get(key, lambda: None)()

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _is_ours(descriptor: int) -> bool:
    """Whether we may read from the terminal; a job in the background would be stopped for it."""
    try:
        return os.getpgrp() == os.tcgetpgrp(descriptor)
    except OSError:
        # A terminal that controls no process stops none.
        return True
