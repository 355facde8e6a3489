"""`python -m services.gateway.tether <pid> <program> …`: run a program that ends when its parent ends.

A gateway without the process that tends it would hold the port and serve an old configuration. Linux sends
the signal; elsewhere the program is run as it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program; never returns."""
    parent, program = int(arguments[0]), arguments[1:]
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before we could ask to be told
        sys.exit(1)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
