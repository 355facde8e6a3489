"""What `pulsemesh login` leaves behind, for this user's eyes only: the platform, and who is signed in."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pulsemesh.credentials import SessionTokens

try:
    import fcntl
except ImportError:  # Windows: programs that renew one session at the same moment are left to the grace time
    fcntl = None  # type: ignore[assignment]

__all__ = ["KeptSession", "PendingSignUp", "SignIn", "Store", "default_path"]


def default_path() -> Path:
    """Return the file under the user's configuration directory, as the XDG specification finds it."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    return root / "pulsemesh" / "credentials.json"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person signed in at one platform."""

    login: str
    user_id: str
    access_token: str = field(repr=False)
    expires_at: str
    """ISO 8601, UTC."""
    refresh_token: str = field(default="", repr=False)
    """Empty for a token that nothing renews."""
    session_id: str = ""
    session_expires_at: str = ""

    @classmethod
    def of(cls, login: str, tokens: SessionTokens) -> SignIn:
        """Return what is kept of a session."""
        return cls(
            login,
            tokens.user_id,
            tokens.access_token,
            _iso(tokens.access_expires_at_s),
            tokens.refresh_token,
            tokens.session_id,
            _iso(tokens.refresh_expires_at_s),
        )

    def tokens(self) -> SessionTokens:
        """Return the tokens of the session."""
        return SessionTokens(
            self.access_token,
            datetime.fromisoformat(self.expires_at).timestamp(),
            self.refresh_token,
            datetime.fromisoformat(self.session_expires_at).timestamp(),
            self.user_id,
            self.session_id,
        )


@dataclass(frozen=True, slots=True)
class PendingSignUp:
    """A sign-up that waits for the code of its mail."""

    email: str
    sign_up: str = field(repr=False)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


class Store:
    """A JSON file of mode 0600: the platform used last, and a sign-in for each platform."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or default_path()

    def target(self) -> str:
        """Return the platform signed in at last, empty where there is none."""
        return str(self._load().get("target", ""))

    def get(self, target: str) -> SignIn | None:
        """Return who is signed in at `target`."""
        found = self._load().get("sign_ins", {}).get(target)
        try:
            return SignIn(**found) if found else None
        except TypeError:
            return None  # of another version: sign in again

    def put(self, target: str, sign_in: SignIn) -> None:
        """Keep a sign-in and make its platform the one in use."""
        content = self._load()
        content["target"] = target
        entry = {name: getattr(sign_in, name) for name in SignIn.__slots__}
        content.setdefault("sign_ins", {})[target] = entry
        self._save(content)

    def replace(self, target: str, sign_in: SignIn) -> None:
        """Keep a sign-in in place of the one before; the platform in use stays."""
        content = self._load()
        entry = {name: getattr(sign_in, name) for name in SignIn.__slots__}
        content.setdefault("sign_ins", {})[target] = entry
        self._save(content)

    def remove(self, target: str) -> bool:
        """Forget a sign-in; False where there was none."""
        content = self._load()
        gone = content.get("sign_ins", {}).pop(target, None)
        if gone is not None:
            self._save(content)
        return gone is not None

    def put_sign_up(self, target: str, pending: PendingSignUp) -> None:
        """Keep a sign-up until its code comes, and make its platform the one in use."""
        content = self._load()
        content["target"] = target
        entry = {"email": pending.email, "sign_up": pending.sign_up}
        content.setdefault("sign_ups", {})[target] = entry
        self._save(content)

    def sign_up(self, target: str) -> PendingSignUp | None:
        """Return the sign-up that waits."""
        found = self._load().get("sign_ups", {}).get(target)
        try:
            return PendingSignUp(**found) if found else None
        except TypeError:
            return None

    def forget_sign_up(self, target: str) -> None:
        """The sign-up is over."""
        content = self._load()
        if content.get("sign_ups", {}).pop(target, None) is not None:
            self._save(content)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off the other commands of this user that would renew a session."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._path.with_name(f".{self._path.name}.lock"), "a") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _load(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _save(self, content: dict[str, Any]) -> None:
        """Write the whole file beside the old one and take its place; it is never readable by others."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes files of mode 0600.
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".credentials.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(content, stream, indent=2)
                stream.write("\n")
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise


class KeptSession:
    """The session at one platform, as `pulsemesh.credentials.SessionKeeper` wants it."""

    def __init__(self, store: Store, target: str, login: str) -> None:
        self._store = store
        self._target = target
        self._login = login

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Hold the other commands off."""
        return self._store.locked()

    def load(self) -> SessionTokens | None:
        """Return the tokens that are kept."""
        kept = self._store.get(self._target)
        return kept.tokens() if kept is not None and kept.refresh_token else None

    def save(self, tokens: SessionTokens) -> None:
        """Keep these, unless somebody else signed in or out meanwhile."""
        kept = self._store.get(self._target)
        if kept is not None and kept.session_id == tokens.session_id:
            self._store.replace(self._target, SignIn.of(self._login, tokens))
