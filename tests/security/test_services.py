"""A platform in two processes, mutual TLS, exchanged tokens: who is believed to be which service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from pulsemesh.auth.v1 import delegation_service_pb2, delegation_service_pb2_grpc
from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.profile.v1 import privacy_service_pb2, privacy_service_pb2_grpc
from services.auth.issuer import DevelopmentIssuer
from services.chassis.auth import Principal
from services.chassis.call import Call, bind_call
from services.chassis.errors import Unavailable
from services.chassis.policy import default_registry
from services.chassis.settings import load_settings
from services.host.certificates import CertificateAuthority, CertificateFiles
from services.host.platform import Platform, running_platform
from tests.fixtures.waiting import eventually
from tests.security.calling import reason_of
from tests.security.tokens import user_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERSON = user_id("split")
ON_BEHALF_OF = "pulsemesh-on-behalf-of"
CALLING = default_registry().method("/pulsemesh.workout.v1.WorkoutService/GetWorkout")


@dataclass
class Split:
    """A platform whose domains know each other by certificates."""

    holding: Platform
    working: Platform
    authority: CertificateAuthority
    issuer: DevelopmentIssuer
    stack: AsyncExitStack

    async def channel(self, *services: str) -> grpc.aio.Channel:
        """A connection to the process of auth and profile with a certificate of these services."""
        files = self.authority.issue("-".join(services) or "client", services=services)
        credentials = grpc.ssl_channel_credentials(
            files.authority.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(self.holding.address, credentials, options=options)
        return await self.stack.enter_async_context(channel)


def _tls(files: CertificateFiles) -> dict[str, Any]:
    return {
        "channels_ca": files.authority,
        "channels_certificate": files.certificate,
        "channels_key": files.key,
    }


def _settings(folder: Path, files: CertificateFiles, *, issuing: bool = True, **more: Any) -> Any:
    server = {
        "listen": "127.0.0.1:0",
        "stream_notice_s": 0.0,
        "drain_grace_s": 1.0,
        "tls_certificate": files.certificate,
        "tls_key": files.key,
        "tls_client_ca": files.authority,
    }
    common = {
        "data_dir": folder,
        "server": server,
        "telemetry": {"log_level": "error"},
        "auth": {"delegation": "exchange", "development_issuer": issuing},
        "audit": {"directory": folder / f"audit-{files.key.parent.name}"},
    }
    return load_settings({**common, **_tls(files), **more})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def split(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Split]:
    folder = tmp_path_factory.mktemp("split")
    authority = CertificateAuthority.create(folder / "certificates", cell="eu")
    holding_files = authority.issue("holding", services=["auth", "profile", "consent"])
    working_files = authority.issue("working", services=["workout"])
    async with AsyncExitStack() as stack:
        nowhere = {"workout": "127.0.0.1:1"}
        holding = await stack.enter_async_context(
            running_platform(
                _settings(folder, holding_files, channels=nowhere), ["auth", "profile", "consent"]
            )
        )
        elsewhere = dict.fromkeys(("auth", "profile", "consent"), holding.address)
        working = await stack.enter_async_context(
            running_platform(_settings(folder, working_files, channels=elsewhere), ["workout"])
        )
        issuer = DevelopmentIssuer(folder, cell="eu", issuer="pulsemesh-eu")
        yield Split(holding, working, authority, issuer, stack)


@asynccontextmanager
async def without_development_issuer(folder: Path) -> AsyncIterator[tuple[Platform, Platform]]:
    """As in production: the only tokens of services are those that auth gives for certificates."""
    authority = CertificateAuthority.create(folder / "certificates", cell="eu")
    holding_files = authority.issue("holding", services=["auth", "profile"])
    working_files = authority.issue("working", services=["workout"])
    nowhere = dict.fromkeys(("workout", "consent"), "127.0.0.1:1")
    holding_settings = _settings(folder, holding_files, issuing=False, channels=nowhere)
    async with running_platform(holding_settings, ["auth", "profile"]) as holding:
        elsewhere = dict.fromkeys(("auth", "profile"), holding.address) | {"consent": "127.0.0.1:1"}
        working_settings = _settings(folder, working_files, issuing=False, channels=elsewhere)
        async with running_platform(working_settings, ["workout"]) as working:
            yield holding, working


def serving(split: Split, token: str) -> Call:
    """The call of a person that the workout process is serving."""
    principal = Principal(PERSON, Access.ACCESS_USER, scopes=frozenset({"workout.read"}))
    metadata = {"authorization": f"Bearer {token}"} if token else {}
    return Call(CALLING, principal=principal, metadata=metadata)


def privacy_of(channel: grpc.aio.Channel, metadata: Any = None) -> Any:
    stub: Any = privacy_service_pb2_grpc.PrivacyServiceStub(channel)
    return stub.GetPrivacy(
        privacy_service_pb2.GetPrivacyRequest(user_id=PERSON), metadata=metadata, timeout=20
    )


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_of(refused.value)


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


async def test_a_service_calls_another_as_itself(split: Split) -> None:
    response = await privacy_of(split.working.channel("profile"))
    assert response.DESCRIPTOR.name == "GetPrivacyResponse"


async def test_a_service_acts_for_the_person_whose_call_it_serves(split: Split) -> None:
    token = split.issuer.issue("someone").access_token
    someone = split.issuer.issue("someone").user_id
    call = serving(split, token)
    call.principal = Principal(someone, Access.ACCESS_USER)
    with bind_call(call):
        response = await privacy_of(split.working.channel("profile"))
    assert response.DESCRIPTOR.name == "GetPrivacyResponse"


async def test_a_token_of_another_person_opens_no_door(split: Split) -> None:
    with bind_call(serving(split, split.issuer.issue("someone").access_token)):
        reason = await refusal(privacy_of(split.working.channel("profile")))
    assert reason == "DELEGATION_REFUSED"


async def test_background_work_acts_for_people_where_the_rules_say_so(split: Split) -> None:
    with bind_call(serving(split, "")):
        response = await privacy_of(split.working.channel("profile"))
    assert response.DESCRIPTOR.name == "GetPrivacyResponse"


async def test_a_service_token_over_the_certificate_of_another_service_is_refused(split: Split) -> None:
    stolen = split.issuer.issue_for_service("workout").access_token
    channel = await split.channel("profile")
    assert await refusal(privacy_of(channel, (bearer(stolen),))) == "PEER_NOT_CERTIFIED"


async def test_a_service_token_over_a_certificate_of_no_service_is_refused(split: Split) -> None:
    stolen = split.issuer.issue_for_service("workout").access_token
    assert await refusal(privacy_of(await split.channel(), (bearer(stolen),))) == "PEER_NOT_CERTIFIED"


async def test_a_person_named_in_a_header_is_not_believed(split: Split) -> None:
    token = split.issuer.issue_for_service("workout").access_token
    metadata = (bearer(token), (ON_BEHALF_OF, PERSON))
    assert await refusal(privacy_of(await split.channel("workout"), metadata)) == "DELEGATION_NEEDED"


async def test_a_certificate_alone_is_nobody(split: Split) -> None:
    assert await refusal(privacy_of(await split.channel("workout"))) == "CREDENTIALS_MISSING"


async def test_a_service_gets_its_token_for_its_certificate_alone(tmp_path: Path) -> None:
    async with without_development_issuer(tmp_path) as (_, working):

        async def answered() -> bool:
            try:
                await privacy_of(working.channel("profile"))
            except Unavailable:  # the first token is on its way
                return False
            return True

        await eventually(answered)


async def test_a_certificate_of_no_service_of_ours_gets_no_token(split: Split) -> None:
    for services in ([], ["gateway"], ["workout", "gateway"], ["nonsense"]):
        stub: Any = delegation_service_pb2_grpc.DelegationServiceStub(await split.channel(*services))
        request = delegation_service_pb2.CreateServiceTokenRequest()
        assert await refusal(stub.CreateServiceToken(request, timeout=20)) == "PEER_NOT_CERTIFIED"


async def test_a_token_for_a_certificate_names_its_services(split: Split) -> None:
    stub: Any = delegation_service_pb2_grpc.DelegationServiceStub(await split.channel("workout", "profile"))
    response = await stub.CreateServiceToken(delegation_service_pb2.CreateServiceTokenRequest(), timeout=20)
    found = await split.holding.collector.ports.authenticator.authenticate(response.access_token)
    assert (found.client_id, found.user_id) == ("service:profile+workout", "")
