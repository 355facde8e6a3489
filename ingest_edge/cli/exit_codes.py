"""What the exit codes of `pulsemesh-edge` mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The numbers a script may rely on."""

    GOOD = 0
    SOME_FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NO_SENSOR = 4
    SPOOL = 5
    INTERRUPTED = 130


EXIT_CODE_HELP = """\
\b
Exit codes:
    0  everything is done
    1  some of it failed; the output says what
    2  wrong usage or settings, or credentials that the platform refuses
    3  the platform cannot be reached; everything is kept in the spool
    4  no sensor was found, or Bluetooth cannot be used
    5  the spool is full, in use by another process, or damaged
  130  interrupted; everything is kept in the spool
"""
