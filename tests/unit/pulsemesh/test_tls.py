from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pulsemesh import RetrySettings, Tls, connect, errors
from pulsemesh.workout.v1 import workout_service_pb2_grpc
from tests.unit.pulsemesh.peers import Script, WorkoutPeer, workout

ID = f"{1:026d}"
ONCE = RetrySettings(max_attempts=1)


@dataclass
class Identity:
    key: bytes
    certificate: bytes


def identity() -> Identity:
    """Return a certificate for this machine that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    return Identity(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), certificate.public_bytes(pem)
    )


@dataclass
class Served:
    target: str
    certificate: bytes


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    own = identity()
    server = grpc.aio.server()
    peer = WorkoutPeer(Script(), [workout(1, title="Encrypted")])
    workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(peer, server)
    credentials = grpc.ssl_server_credentials([(own.key, own.certificate)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield Served(f"127.0.0.1:{port}", own.certificate)
    finally:
        await server.stop(None)


async def test_a_platform_whose_certificate_is_trusted_is_called(served: Served) -> None:
    async with connect(served.target, "t", tls=Tls(root_certificates=served.certificate)) as client:
        assert (await client.workouts.get(ID)).title == "Encrypted"


async def test_a_platform_whose_certificate_is_not_trusted_is_not(served: Served) -> None:
    async with connect(f"https://{served.target}", "t", retry=ONCE) as client:
        with pytest.raises(errors.Unavailable):
            await client.workouts.get(ID)


async def test_a_certificate_for_another_name_is_not_trusted(served: Served) -> None:
    tls = Tls(root_certificates=served.certificate, server_name="elsewhere.example")
    async with connect(served.target, "t", tls=tls, retry=ONCE) as client:
        with pytest.raises(errors.Unavailable):
            await client.workouts.get(ID)
