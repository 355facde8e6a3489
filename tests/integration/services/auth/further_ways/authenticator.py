"""An authenticator in software: makes passkeys and signs with them, rightly or as a test wants it wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

ORIGIN = "http://localhost:50080"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftPasskey:
    """One passkey, with its private key.

    Attributes:
        count: how often it signed; None for one that does not count, as synchronised ones.
    """

    rp_id: str
    user_handle: bytes
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    count: int | None = 0
    backup: int = 0

    def cose_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(SHA256()))


@dataclass(frozen=True)
class Behaviour:
    """What an authenticator and its browser do; anything else than the defaults is wrong somehow.

    Attributes:
        challenge: instead of the one asked for.
        rp_id: instead of the one asked for.
    """

    origin: str = ORIGIN
    challenge: str | None = None
    rp_id: str | None = None
    type: str | None = None
    verified: bool = True
    present: bool = True
    cross_origin: bool = False
    packed: bool = False
    tampered: bool = False
    user_handle: bytes | None = None


RIGHT = Behaviour()


def client_data(kind: str, challenge: str, behaviour: Behaviour) -> bytes:
    told = {
        "type": behaviour.type or kind,
        "challenge": behaviour.challenge or challenge,
        "origin": behaviour.origin,
        "crossOrigin": behaviour.cross_origin,
    }
    return json.dumps(told).encode()


def authenticator_data(passkey: SoftPasskey, behaviour: Behaviour, *, made: bool) -> bytes:
    rp_id = behaviour.rp_id or passkey.rp_id
    flags = (UP if behaviour.present else 0) | (UV if behaviour.verified else 0) | passkey.backup
    data = hashlib.sha256(rp_id.encode()).digest()
    data += bytes([flags | (AT if made else 0)]) + (passkey.count or 0).to_bytes(4, "big")
    if made:
        data += bytes(16) + len(passkey.credential_id).to_bytes(2, "big")
        data += passkey.credential_id + passkey.cose_key()
    return data


def create(options_json: str, behaviour: Behaviour = RIGHT, **passkey: Any) -> tuple[SoftPasskey, str]:
    """What `navigator.credentials.create` does: a passkey, and RegistrationResponseJSON."""
    options = json.loads(options_json)
    made = SoftPasskey(options["rp"]["id"], unb64(options["user"]["id"]), **passkey)
    told = client_data("webauthn.create", options["challenge"], behaviour)
    data = authenticator_data(made, behaviour, made=True)
    statement: dict[str, Any] = {}
    if behaviour.packed:
        signature = made.sign(data + hashlib.sha256(told).digest())
        statement = {"alg": -7, "sig": bytes([signature[0] ^ behaviour.tampered]) + signature[1:]}
    attestation = {"fmt": "packed" if behaviour.packed else "none", "attStmt": statement, "authData": data}
    response = {
        "clientDataJSON": b64(told),
        "attestationObject": b64(encode_cbor(attestation)),
        "transports": ["internal"],
    }
    return made, _credential(made, response)


def get(options_json: str, passkey: SoftPasskey, behaviour: Behaviour = RIGHT) -> str:
    """What `navigator.credentials.get` does: AuthenticationResponseJSON."""
    options = json.loads(options_json)
    if passkey.count is not None:
        passkey.count += 1
    told = client_data("webauthn.get", options["challenge"], behaviour)
    data = authenticator_data(passkey, behaviour, made=False)
    signature = bytearray(passkey.sign(data + hashlib.sha256(told).digest()))
    if behaviour.tampered:
        signature[-1] ^= 1
    response = {
        "clientDataJSON": b64(told),
        "authenticatorData": b64(data),
        "signature": b64(bytes(signature)),
        "userHandle": b64(behaviour.user_handle or passkey.user_handle),
    }
    return _credential(passkey, response)


def copy_of(passkey: SoftPasskey) -> SoftPasskey:
    """The same passkey in other hands."""
    return replace(passkey)


def _credential(passkey: SoftPasskey, response: dict[str, Any]) -> str:
    name = b64(passkey.credential_id)
    return json.dumps(
        {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
    )
