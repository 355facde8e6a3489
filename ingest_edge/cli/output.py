"""What a command says: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from rich.console import Console


class Output:
    """Where a command writes.

    With `as_json` only `event` writes, to standard output; what people would read then goes nowhere, and
    problems go to standard error either way.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(quiet=as_json, highlight=False, soft_wrap=not sys.stdout.isatty())
        self._errors = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

    @property
    def live(self) -> bool:
        """A person looks at a terminal that can be redrawn."""
        return not self.as_json and self.console.is_terminal

    def line(self, text: str) -> None:
        """A line for people; rich markup is not interpreted."""
        self.console.print(text, markup=False)

    def event(self, kind: str, **fields: object) -> None:
        """An object for programs: `{"event": kind, …}`."""
        if self.as_json:
            print(json.dumps({"event": kind, **fields}, default=str), flush=True)

    def problem(self, text: str) -> None:
        """Something that went wrong, on standard error."""
        self._errors.print(f"pulsemesh-edge: {text}", markup=False)


def local_time(time_ms: int) -> str:
    """A moment as people here read it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: `1:02:03`."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def size(count: int) -> str:
    """Bytes in a unit that people read: `2.0 GiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
