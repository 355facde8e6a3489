"""What `pulsemesh login` leaves behind, for this user's eyes only: the platform, and who is signed in."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["SignIn", "Store", "default_path"]


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

    def remove(self, target: str) -> bool:
        """Forget a sign-in; False where there was none."""
        content = self._load()
        gone = content.get("sign_ins", {}).pop(target, None)
        if gone is not None:
            self._save(content)
        return gone is not None

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
