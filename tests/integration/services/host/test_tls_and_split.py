"""The platform behind TLS, and split over processes' worth of hosts: the same stubs, the same answers."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pulsemesh.auth.v1 import development_issuer_service_pb2 as messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as service
from services.auth.identity import development_user_id
from services.chassis.channels import DomainNotReachable
from services.chassis.settings import Settings, load_settings
from services.host.platform import running_platform

PATIENCE_S = 30.0


def embedded(data_dir: Path, server: dict[str, Any] | None = None, **settings: Any) -> Settings:
    """Settings of a platform on a free port."""
    listen = {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 5.0}
    return load_settings({"data_dir": data_dir, "server": listen | (server or {}), **settings})


async def ask(channel: grpc.aio.Channel) -> str:
    """Who "ann" is, by the auth service behind `channel`."""
    stub: Any = service.DevelopmentIssuerServiceStub(channel)
    response = await stub.CreateAccessToken(
        messages.CreateAccessTokenRequest(login="ann"), timeout=PATIENCE_S
    )
    return str(response.user_id)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pulsemesh test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


async def test_a_domain_of_the_same_process_is_reached_in_process(tmp_path: Path) -> None:
    async with running_platform(embedded(tmp_path), ["auth"]) as platform:
        assert await ask(platform.channel("auth")) == development_user_id("eu", "ann")


async def test_a_domain_of_another_process_is_reached_over_the_network(tmp_path: Path) -> None:
    async with running_platform(embedded(tmp_path), ["auth"]) as auth:
        split = embedded(tmp_path, channels={"auth": auth.address})
        async with running_platform(split, ["workout"]) as workout:
            assert await ask(workout.channel("auth")) == development_user_id("eu", "ann")


async def test_a_domain_that_nobody_located_is_not_reached(tmp_path: Path) -> None:
    async with running_platform(embedded(tmp_path), ["workout"]) as platform:
        with pytest.raises(DomainNotReachable):
            platform.channel("auth")


async def test_services_reach_each_other_over_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    tls = {"tls_certificate": certificate[0], "tls_key": certificate[1]}
    async with running_platform(embedded(tmp_path, tls), ["auth"]) as auth:
        split = embedded(tmp_path, channels={"auth": auth.address}, channels_ca=certificate[0])
        async with running_platform(split, ["workout"]) as workout:
            assert await ask(workout.channel("auth")) == development_user_id("eu", "ann")


async def test_a_client_without_tls_gets_nothing_from_a_server_with_it(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    tls = {"tls_certificate": certificate[0], "tls_key": certificate[1]}
    async with (
        running_platform(embedded(tmp_path, tls), ["auth"]) as auth,
        grpc.aio.insecure_channel(auth.address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
