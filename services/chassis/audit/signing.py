"""The key that signs checkpoints, and the keys by which they are verified."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.chassis.audit.entries import digest

KEY_FILE = "signing_key.pem"
PUBLIC_KEYS_FILE = "public_keys.json"


class PublicKeys:
    """Key id to public key. The file is JSON: {"<id>": "<32 bytes in base64>"}."""

    def __init__(self, keys: dict[str, Ed25519PublicKey]) -> None:
        self._keys = keys

    @classmethod
    def load(cls, path: Path) -> PublicKeys:
        """The keys of a file; none when there is no file.

        Raises:
            ValueError: the file is no such list.
            OSError: it cannot be read.
        """
        try:
            document = json.loads(path.read_text())
        except FileNotFoundError:
            return cls({})
        if not isinstance(document, dict):
            raise ValueError(f"{path} holds no list of keys")
        keys = {}
        for key_id, encoded in document.items():
            raw = base64.b64decode(encoded, validate=True)
            if _key_id(raw) != key_id:
                raise ValueError(f"{path}: the key {key_id} is not the one that its id names")
            keys[key_id] = Ed25519PublicKey.from_public_bytes(raw)
        return cls(keys)

    def verifies(self, key_id: str, signature: str, data: bytes) -> bool:
        """Whether the signature, in base64, is that of a known key."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(base64.b64decode(signature, validate=True), data)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class CheckpointKey:
    """An Ed25519 key in a file that its owner alone can read; made on first use."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            OSError: the file can be neither read nor made.
            ValueError: it is not such a key.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{path} is not an Ed25519 key")
        self._key = key
        self._public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = _key_id(self._public)

    def sign(self, data: bytes) -> str:
        """The signature in base64."""
        return base64.b64encode(self._key.sign(data)).decode()

    def publish(self, path: Path) -> None:
        """Add the public key to a file of public keys; the others stay, for older checkpoints need them."""
        document = json.loads(path.read_text()) if path.exists() else {}
        encoded = base64.b64encode(self._public).decode()
        if document.get(self.key_id) == encoded:
            return
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        draft.write_text(json.dumps(document | {self.key_id: encoded}, indent=1, sort_keys=True) + "\n")
        draft.replace(path)


def _key_id(raw: bytes) -> str:
    return digest(raw)[:16]


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    # A link, not a rename: who comes second must not replace the key with which the first already signs.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
