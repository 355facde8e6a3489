"""The development issuer's key: made once in the data directory, readable by its owner alone."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path

from joserfc.jwk import ECKey

ALGORITHM = "ES256"
"""The gateway's Envoy proves it; "Ed25519" (RFC 9864) it does not know, and refuses a key set naming it."""
KEY_FILE = "development_signing_key.json"
JWKS_FILE = "jwks.json"


def key_directory(data_dir: Path) -> Path:
    """Where the keys lie in a data directory."""
    return data_dir / "auth"


def jwks_path(data_dir: Path) -> Path:
    """The published key set: what every service of the same data directory proves tokens with."""
    return key_directory(data_dir) / JWKS_FILE


def load_or_create_key(data_dir: Path) -> ECKey:
    """The signing key of a data directory, made on first use; several processes may come at once.

    Raises:
        OSError: the directory cannot be written.
        ValueError: the file is not a key.
    """
    directory = key_directory(data_dir)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / KEY_FILE
    if not path.exists():
        _create(path)
    key = ECKey.import_key(json.loads(path.read_text()))
    _publish(key, directory / JWKS_FILE)
    return key


def _create(path: Path) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    document = key.as_dict(private=True) | {"kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}
    draft = _write(path, document, 0o600)
    # A link, not a rename: whoever comes second must not replace the key with which the first already signs.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _publish(key: ECKey, path: Path) -> None:
    document = {"keys": [key.as_dict(private=False)]}
    if path.exists() and json.loads(path.read_text()) == document:
        return
    _write(path, document, 0o644).replace(path)


def _write(beside: Path, document: object, mode: int) -> Path:
    """A durable draft next to where it will lie."""
    draft = beside.with_name(f".{beside.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    return draft
