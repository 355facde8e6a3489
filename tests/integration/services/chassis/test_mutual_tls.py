"""Real servers and channels with certificates of the local authority."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.chassis.auth import Principal
from services.chassis.auth.port import Authenticator
from services.chassis.call import Call, current_call
from services.chassis.certificate_pairs import PairBroken, read_pair
from services.chassis.channels.tls import ChannelCertificates, RenewedChannel
from services.chassis.errors import AccessDenied
from services.chassis.pipeline.peers import ServiceProof
from services.chassis.policy import default_registry
from services.chassis.server.tls import server_credentials
from services.chassis.settings import ServerSettings
from services.host.certificates import CertificateAuthority, CertificateFiles, read_certificate
from tests.fixtures.workout_servicers import WORKOUT_ID, Servicers, error_of, ports

GET = workout_service_pb2.GetWorkoutRequest(workout_id=WORKOUT_ID)
METHOD = default_registry().service("pulsemesh.workout.v1.WorkoutService")["GetWorkout"]


@dataclass
class Installation:
    """A server with mutual TLS, and the authority of its certificates."""

    authority: CertificateAuthority
    server_files: CertificateFiles
    port: int
    seen: list[list[str]]

    def channel(self, files: CertificateFiles | None) -> grpc.aio.Channel:
        credentials = ChannelCertificates(
            self.server_files.authority,
            files.certificate if files else None,
            files.key if files else None,
        ).credentials()
        return self.open(credentials)

    def open(self, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials, options=options)

    async def get(self, channel: grpc.aio.Channel, token: str = "person") -> Any:
        stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        return await stub.GetWorkout(GET, metadata=(("authorization", f"Bearer {token}"),), timeout=20)


class _Noting:
    """Notes with whose certificate each token came first."""

    def __init__(self, inner: Authenticator, seen: list[list[str]]) -> None:
        self._inner = inner
        self._seen = seen

    async def authenticate(self, token: str) -> Principal:
        self._seen.append(current_call().peer_uris())
        return await self._inner.authenticate(token)


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    authority = CertificateAuthority.create(tmp_path / "certificates", cell="eu")
    files = authority.issue("workout", services=["workout"])
    seen: list[list[str]] = []
    servicers = Servicers(authenticator=_Noting(ports().authenticator, seen), mutual_tls=True)
    server = grpc.aio.server()
    servicers.collector.add_to(server)
    settings = ServerSettings(
        tls_certificate=files.certificate, tls_key=files.key, tls_client_ca=files.authority
    )
    credentials = server_credentials(settings, look_every_s=0.0)
    assert credentials is not None
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    yield Installation(authority, files, port, seen)
    await server.stop(None)


async def test_the_certificate_of_a_caller_reaches_the_pipeline(installation: Installation) -> None:
    files = installation.authority.issue("both", services=["auth", "profile"])
    async with installation.channel(files) as channel:
        await installation.get(channel)
    assert installation.seen == [["pulsemesh://eu/service/auth", "pulsemesh://eu/service/profile"]]


async def test_a_caller_without_a_certificate_does_not_get_in(installation: Installation) -> None:
    async with installation.channel(None) as channel:
        error = await error_of(installation.get(channel))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_caller_of_another_authority_does_not_get_in(
    installation: Installation, tmp_path: Path
) -> None:
    foreign = CertificateAuthority.create(tmp_path / "foreign", cell="eu")
    files = foreign.issue("auth", services=["auth"])
    async with installation.channel(files) as channel:
        error = await error_of(installation.get(channel))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_does_not_get_in(installation: Installation) -> None:
    files = installation.authority.issue(
        "auth", services=["auth"], now=datetime.now(UTC) - timedelta(days=8), life=timedelta(days=7)
    )
    async with installation.channel(files) as channel:
        error = await error_of(installation.get(channel))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


def _served(port: int, authority: Path, files: CertificateFiles) -> int:
    """The serial number of the certificate that the server shows."""
    context = ssl.create_default_context(cafile=str(authority))
    context.load_cert_chain(files.certificate, files.key)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        shown = secure.getpeercert()
    assert shown is not None
    return int(str(shown["serialNumber"]), 16)


async def test_a_server_shows_a_renewed_certificate_without_a_restart(installation: Installation) -> None:
    files = installation.authority.issue("auth", services=["auth"])
    async with installation.channel(files) as channel:
        await installation.get(channel)
        first = await asyncio.to_thread(_served, installation.port, files.authority, files)

        renewed = installation.authority.issue("workout", services=["workout"])
        _touch_later(renewed)

        second = await asyncio.to_thread(_served, installation.port, files.authority, files)
        await installation.get(channel)
    assert first != second


async def test_a_server_goes_on_with_its_certificate_while_a_renewal_is_half_done(
    installation: Installation,
) -> None:
    files = installation.authority.issue("auth", services=["auth"])
    other = installation.authority.issue("other", services=["other"])
    installation.server_files.key.write_bytes(other.key.read_bytes())
    _touch_later(installation.server_files)
    async with installation.channel(files) as channel:
        await installation.get(channel)


async def test_a_channel_shows_its_renewed_certificate_on_the_next_call(installation: Installation) -> None:
    files = installation.authority.issue("auth", services=["auth"])
    certificates = ChannelCertificates(files.authority, files.certificate, files.key)
    async with RenewedChannel(installation.open, certificates, look_every_s=0.0) as channel:
        await installation.get(channel)
        installation.authority.issue("auth", services=["auth", "profile"])
        _touch_later(files)
        await installation.get(channel, "reader")
    assert installation.seen[1] == ["pulsemesh://eu/service/auth", "pulsemesh://eu/service/profile"]


def _touch_later(files: CertificateFiles) -> None:
    """Give the files a later time of change, whatever the file system's clock can tell apart."""
    later_s = time.time() + 5
    for path in (files.certificate, files.key):
        os.utime(path, (later_s, later_s))


# Whom a service token is believed from


def _call(*uris: str, person: str = "") -> Call:
    metadata = {"pulsemesh-on-behalf-of": person} if person else {}
    return Call(METHOD, metadata=metadata, auth_context=lambda: {"peer_uri": [uri.encode() for uri in uris]})


def _service(subject: str) -> Principal:
    return Principal("", Access.ACCESS_SERVICE, client_id=subject)


def _reason(proof: ServiceProof, service: Principal, call: Call) -> int:
    with pytest.raises(AccessDenied) as refused:
        proof.principal(service, call)
    return int(refused.value.reason)


def test_a_service_is_believed_over_its_own_certificate() -> None:
    proof = ServiceProof(ports(mutual_tls=True))
    service = _service("service:auth")
    assert proof.principal(service, _call("pulsemesh://eu/service/auth")) is service


@pytest.mark.parametrize(
    ("subject", "uris"),
    [
        ("service:auth", []),
        ("service:auth", ["pulsemesh://eu/service/workout"]),
        ("service:auth", ["pulsemesh://us/service/auth"]),
        ("service:auth", ["pulsemesh://eu/service/authority"]),
        ("service:auth", ["https://eu/service/auth"]),
        ("service:auth+workout", ["pulsemesh://eu/service/auth"]),
        ("service:", ["pulsemesh://eu/service/auth", "pulsemesh://eu/service/"]),
        ("somebody", ["pulsemesh://eu/service/auth"]),
    ],
)
def test_a_service_is_not_believed_over_another_certificate(subject: str, uris: list[str]) -> None:
    proof = ServiceProof(ports(mutual_tls=True))
    assert _reason(proof, _service(subject), _call(*uris)) == 110


def test_a_process_of_two_services_shows_both_in_its_certificate() -> None:
    proof = ServiceProof(ports(mutual_tls=True))
    service = _service("service:auth+workout")
    uris = ["pulsemesh://eu/service/workout", "pulsemesh://eu/service/auth"]
    assert proof.principal(service, _call(*uris)) is service


def test_a_person_named_in_a_header_is_refused_where_headers_are_not_believed() -> None:
    proof = ServiceProof(ports(believes_on_behalf_of=False))
    assert _reason(proof, _service("service:auth"), _call(person="eu_1")) == 111


def test_a_token_for_one_person_is_not_turned_into_one_for_another() -> None:
    proof = ServiceProof(ports(believes_on_behalf_of=True))
    token = Principal("eu_1", Access.ACCESS_SERVICE, client_id="service:auth")
    assert _reason(proof, token, _call(person="eu_2")) == 4


# The authority


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    authority = CertificateAuthority.create(tmp_path, cell="eu")
    files = authority.issue("auth", services=["auth"])
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "authority_key.pem", files.key)}
    assert modes == {0o600}


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    CertificateAuthority.create(tmp_path, cell="eu")
    before = (tmp_path / "authority.pem").read_bytes()
    CertificateAuthority.create(tmp_path, cell="eu")
    assert (tmp_path / "authority.pem").read_bytes() == before


def test_an_authority_of_another_cell_is_not_used(tmp_path: Path) -> None:
    CertificateAuthority.create(tmp_path, cell="eu")
    with pytest.raises(ValueError, match="not that of the cell us"):
        CertificateAuthority(tmp_path, cell="us")


def test_what_is_due_is_renewed_with_the_same_names_and_life(tmp_path: Path) -> None:
    authority = CertificateAuthority.create(tmp_path, cell="eu")
    begun = datetime.now(UTC) - timedelta(days=5)
    due = authority.issue("auth", services=["auth"], hosts=["auth.internal"], now=begun)
    fresh = authority.issue("workout", services=["workout"])
    before = read_certificate(due.certificate), fresh.certificate.read_bytes()

    authority.renew_due()

    after = read_certificate(due.certificate)
    assert (after.uris, after.names) == (before[0].uris, before[0].names)
    assert after.ends - after.begins == before[0].ends - before[0].begins
    assert after.ends > before[0].ends
    assert fresh.certificate.read_bytes() == before[1]


def test_a_key_of_another_certificate_is_no_pair(tmp_path: Path) -> None:
    authority = CertificateAuthority.create(tmp_path, cell="eu")
    one = authority.issue("auth", services=["auth"])
    other = authority.issue("workout", services=["workout"])
    with pytest.raises(PairBroken):
        read_pair(one.certificate, other.key)
