"""The key-encryption key: what the database must not give away by itself is kept under it.

Private signing keys, mails on their way and second factors are encrypted (AES-256-GCM); codes of six digits
are kept as keyed hashes, for a million of them is tried in a second otherwise. The key lies outside of the
database.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_FILE = "key_encryption_key"
_VERSION = b"\x01"
_NAME_BYTES = 4
_NONCE_BYTES = 12


class SealBroken(Exception):
    """What was sealed was changed, or sealed under a key or a label that is not here."""


class Vault:
    """Seals and opens; the first key seals, all open: so a key is replaced by putting another before it."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """
        Args:
            keys: of 32 bytes each, the one in use first.

        Raises:
            ValueError: there is none, or one has another length.
        """
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a key-encryption key has {KEY_BYTES} bytes")
        self._ring = {_name(key): key for key in reversed(keys)}
        self._current = keys[0]

    def __repr__(self) -> str:
        return f"Vault({len(self._ring)} keys)"

    def seal(self, label: str, plain: bytes) -> bytes:
        """Encrypt for a use; `open` needs the same label."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(_derived(self._current, "seal")).encrypt(nonce, plain, label.encode())
        return _VERSION + _name(self._current) + nonce + sealed

    def open(self, label: str, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealBroken: see there.
        """
        name, rest = sealed[1 : 1 + _NAME_BYTES], sealed[1 + _NAME_BYTES :]
        key = self._ring.get(name)
        if sealed[:1] != _VERSION or key is None:
            raise SealBroken("sealed under a key that is not here")
        try:
            return AESGCM(_derived(key, "seal")).decrypt(
                rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], label.encode()
            )
        except (InvalidTag, ValueError):
            raise SealBroken("what was sealed is not as it was, or not for this") from None

    def mac(self, label: str, text: str) -> bytes:
        """A keyed hash, always the same while the key is in use."""
        return _name(self._current) + _mac(self._current, label, text)

    def matches(self, label: str, text: str, mac: bytes) -> bool:
        """Whether `mac` was made of this, under any of the keys."""
        key = self._ring.get(mac[:_NAME_BYTES])
        return key is not None and hmac.compare_digest(_mac(key, label, text), mac[_NAME_BYTES:])


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"pulsemesh key name\0" + key).digest()[:_NAME_BYTES]


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"pulsemesh {use}".encode(), "sha256")


def _mac(key: bytes, label: str, text: str) -> bytes:
    message = label.encode() + b"\0" + text.encode("utf-8", "surrogatepass")
    return hmac.digest(_derived(key, "mac"), message, "sha256")


def read_keys(text: str) -> list[bytes]:
    """The keys of a file or a setting: base64, one a line or separated by commas, the one in use first.

    Raises:
        ValueError: one is not base64 of 32 bytes.
    """
    keys = []
    for word in text.replace(",", "\n").split():
        try:
            key = base64.b64decode(word, validate=True)
        except binascii.Error:
            raise ValueError("a key-encryption key must be base64") from None
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key-encryption key must be base64 of {KEY_BYTES} bytes")
        keys.append(key)
    return keys


def load_or_create(path: Path) -> list[bytes]:
    """The keys of a file, made on first use, readable by its owner alone; several processes may come at once.

    Raises:
        OSError: it cannot be read or written.
        ValueError: it holds no keys.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: whoever comes second must not replace what the first already seals with.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return read_keys(path.read_text())
