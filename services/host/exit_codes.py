"""What the exit codes of `pulsemesh-server` mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    """Something that was not foreseen; the log has it."""
    USAGE = 2
    """Wrong arguments, or settings that cannot be used."""
    POLICY = 3
    """A method without a whole policy."""
    ADDRESS = 4
    """The address cannot be listened on."""
    STORE = 5
    """A database, bus or cache cannot be reached, or another process holds the files."""
    GATEWAY = 8
    """Envoy is missing, or does not take the gateway's configuration."""
    AUDIT_BROKEN = 6
    """The audit log was changed: a record differs, is missing, was added or moved."""
    AUDIT_INCOMPLETE = 7
    """The last line of an audit file is cut off, and no writer has come since."""
