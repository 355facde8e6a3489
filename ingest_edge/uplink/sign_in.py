"""Whom this gateway sends for: a session that was opened once by `pulsemesh-edge login`, and renews itself.

It lies in a file that only its owner reads. Several programs may use it at the same time (one records,
another imports): each renews it under a lock, and looks first whether another did. What was renewed is on the
disk before it is used; if the power fails between the platform's answer and that moment, the platform answers
the old token again for a day.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pulsemesh.credentials import SessionCredentials, SessionTokens
from pulsemesh.errors import Unauthenticated

try:
    import fcntl
except ImportError:  # Windows: programs that renew at the same moment are left to the platform's grace
    fcntl = None  # type: ignore[assignment]

FILE = "sign_in.json"


class SignInFile:
    """The session at one platform, as `pulsemesh.credentials.SessionKeeper` wants it."""

    def __init__(self, home: Path, target: str) -> None:
        self.path = home / FILE
        self._target = target

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold other programs of this gateway off."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_name(f".{FILE}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def load(self) -> SessionTokens | None:
        """The session, None where nobody signed in at this platform."""
        kept = self._read().get(self._target)
        try:
            return SessionTokens(**kept) if kept else None
        except TypeError:
            return None  # of another version: sign in again

    def save(self, tokens: SessionTokens) -> None:
        """Keep renewed tokens, unless somebody else signed in or out meanwhile."""
        content = self._read()
        kept = content.get(self._target) or {}
        if kept.get("session_id") == tokens.session_id:
            self._write({**content, self._target: asdict(tokens)})

    def put(self, tokens: SessionTokens) -> None:
        """Keep another session in place of the one before."""
        self._write({**self._read(), self._target: asdict(tokens)})

    def remove(self) -> bool:
        """Forget the session; False where there was none."""
        content = self._read()
        gone = content.pop(self._target, None) is not None
        if gone:
            self._write(content)
        return gone

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, content: dict[str, Any]) -> None:
        """The whole file beside the old one, on the disk, and then in its place; never readable by others."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files of mode 0600.
        descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(content, stream, indent=2)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            os.unlink(temporary)
            raise


class KeptSignIn(SessionCredentials):
    """The tokens of the file. A session that has ended is followed by the one that somebody opened since, so
    that a gateway which runs for weeks need not be started anew after `pulsemesh-edge login`.
    """

    def __init__(self, tokens: SessionTokens, file: SignInFile) -> None:
        super().__init__(tokens, file)
        self._file = file

    async def token(self) -> str:
        """See `Credentials.token`."""
        try:
            return await super().token()
        except Unauthenticated:
            if not self._take_another():
                raise
            return await super().token()

    async def refresh(self, rejected: str) -> bool:
        """See `Credentials.refresh`."""
        try:
            return await super().refresh(rejected)
        except Unauthenticated:
            return self._take_another()

    def _take_another(self) -> bool:
        kept = self._file.load()
        if kept is None or kept.session_id == self._tokens.session_id:
            return False
        self._tokens = kept
        return True
