"""The key that signs receipts, and the public keys that prove them: those of the past as well."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, OKPKey

KEY_FILE = "receipt_key.json"
JWKS_FILE = "receipt_jwks.json"


@dataclass(frozen=True)
class ReceiptKeys:
    """What receipts are signed and proved with.

    Attributes:
        signing: an Ed25519 key with its `kid`.
        published: the public keys, the signing one among them.
    """

    signing: OKPKey
    published: KeySet

    def as_jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set."""
        return {"keys": [key.as_dict(private=False) for key in self.published.keys]}


def load_or_create(data_dir: Path, key_file: Path | None = None) -> ReceiptKeys:
    """The keys of a data directory, made on first use; several processes may come at once.

    A key that is replaced stays published: what it signed is to be proved for years.

    Args:
        key_file: where the private key lies; None: in the data directory.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: a file is not a key.
    """
    directory = data_dir / "consent"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = key_file or directory / KEY_FILE
    if key_file is None and not path.exists():
        _create(path)
    signing = _import(json.loads(path.read_text()))
    return ReceiptKeys(signing, _publish(signing, directory / JWKS_FILE))


def published(data_dir: Path, jwks_file: Path | None = None) -> KeySet:
    """The public keys alone: to prove receipts where nothing is signed.

    Raises:
        OSError: there are none.
        ValueError: the file holds no keys.
    """
    path = jwks_file or data_dir / "consent" / JWKS_FILE
    return KeySet([OKPKey.import_key(key) for key in json.loads(path.read_text())["keys"]])


def in_memory() -> ReceiptKeys:
    """A key that is kept nowhere: for tests."""
    signing = _import(_new())
    return ReceiptKeys(signing, KeySet([signing]))


def _new() -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    return dict(key.as_dict(private=True)) | {"kid": key.thumbprint(), "alg": "Ed25519", "use": "sig"}


def _import(document: dict[str, Any]) -> OKPKey:
    key = OKPKey.import_key(document)
    if key.curve_name != "Ed25519":
        raise ValueError("receipts are signed with an Ed25519 key")
    if "kid" not in document:
        key = OKPKey.import_key(document | {"kid": key.thumbprint()})
    return key


def _create(path: Path) -> None:
    draft = _write(path, _new(), 0o600)
    # A link, not a rename: whoever comes second must not replace the key with which the first already signs.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _publish(signing: OKPKey, path: Path) -> KeySet:
    known = json.loads(path.read_text())["keys"] if path.exists() else []
    if signing.kid not in {key["kid"] for key in known}:
        known.append(signing.as_dict(private=False))
        _write(path, {"keys": known}, 0o644).replace(path)
    return KeySet([OKPKey.import_key(key) for key in known])


def _write(beside: Path, document: object, mode: int) -> Path:
    """A durable draft next to where it will lie."""
    draft = beside.with_name(f".{beside.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    return draft
