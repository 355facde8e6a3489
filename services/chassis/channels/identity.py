"""By what token this process is known to other services."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class ServiceToken(Protocol):
    """The token of this process."""

    def token(self) -> str:
        """A token that is valid now; quick, for it is asked for on every call.

        Raises:
            OSError: there is none.
            Unavailable: there is none yet.
        """
        ...


class FileServiceToken:
    """A token in a file that somebody renews: read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_at_ns = -1
        self._token = ""

    def token(self) -> str:
        """See `ServiceToken.token`."""
        changed_at_ns = self._path.stat().st_mtime_ns
        if changed_at_ns != self._changed_at_ns:
            self._token = self._path.read_text().strip()
            self._changed_at_ns = changed_at_ns
        return self._token
