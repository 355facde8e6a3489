"""The entry point of the `pulsemesh` command."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]

EXTRA = frozenset({"click", "rich", "plotext"})
"""What the extra `cli` installs; the library works without."""


def main() -> None:
    """Run the command line, or say what it needs."""
    # The C core tells of every connection that goes away; we say what matters ourselves.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        from pulsemesh.cli.commands import cli  # noqa: PLC0415  # may be missing
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in EXTRA:
            raise
        sys.stderr.write(f"Error: {missing}\nHint: pip install 'pulsemesh[cli]'\n")
        raise SystemExit(1) from None
    cli(prog_name="pulsemesh")
