"""Development tokens: who they stand for, and by what they are proved."""

from __future__ import annotations

import base64
import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.auth.v1 import development_issuer_service_pb2 as messages
from pulsemesh.auth.v1 import development_issuer_service_pb2_grpc as service
from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth.identity import CROCKFORD, development_user_id
from services.auth.issuer import (
    DevelopmentIssuer,
    ScopesNotAllowed,
)
from services.auth.keys import jwks_path, key_directory, load_or_create_key
from services.auth.scopes import DEVICE_SCOPES, PERSON_SCOPES
from services.auth.servicers import DevelopmentIssuerServicer, is_local
from services.chassis.auth import FileKeys, JwksAuthenticator
from services.chassis.errors import PlatformError
from services.chassis.inprocess import InProcessChannel
from services.chassis.pipeline import ServiceCollector
from services.chassis.policy import contract_services, default_registry
from tests.fixtures.workout_servicers import error_of, ports

ISSUER = "pulsemesh-eu"


class Clock:
    """Seconds that a test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(tmp_path: Path, clock: Clock) -> DevelopmentIssuer:
    return DevelopmentIssuer(tmp_path, cell="eu", issuer=ISSUER, clock_s=clock)


@pytest.fixture
def authenticator(tmp_path: Path, clock: Clock) -> JwksAuthenticator:
    return JwksAuthenticator(FileKeys(jwks_path(tmp_path)), issuer=ISSUER, leeway_s=30, clock_s=clock)


async def reason(authenticator: JwksAuthenticator, token: str) -> str:
    from pulsemesh.error.v1.reason_pb2 import ErrorReason

    with pytest.raises(PlatformError) as caught:
        await authenticator.authenticate(token)
    return ErrorReason.Name(caught.value.reason).removeprefix("ERROR_REASON_")


def tampered(token: str, **claims: Any) -> str:
    """The token with other claims and its old signature."""
    header, body, signature = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(content | claims).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


# Identity


def test_a_login_is_the_same_person_every_time() -> None:
    assert development_user_id("eu", "ann") == development_user_id("eu", "ann")


def test_a_login_is_another_person_in_another_cell() -> None:
    assert development_user_id("eu", "ann")[3:] != development_user_id("us", "ann")[3:]


@given(st.text(min_size=1, max_size=60))
def test_a_user_id_has_the_form_of_cell_and_ulid(login: str) -> None:
    cell, _, rest = development_user_id("eu", login).partition("_")
    assert cell == "eu"
    assert len(rest) == 26
    assert set(rest) <= set(CROCKFORD)
    assert rest[0] <= "7"


def test_people_and_devices_may_have_every_scope_that_the_contracts_ask_them_for() -> None:
    people: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    for method in default_registry().methods(contract_services()):
        assert method.policy is not None
        if method.policy.access & {Access.ACCESS_USER, Access.ACCESS_OWNER}:
            people |= method.policy.scopes
        if Access.ACCESS_DEVICE in method.policy.access:
            devices |= method.policy.scopes
    assert people <= PERSON_SCOPES
    assert devices <= DEVICE_SCOPES


# Keys


def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    mode = stat.S_IMODE((key_directory(tmp_path) / "development_signing_key.json").stat().st_mode)
    assert mode == 0o600


def test_the_published_set_holds_no_private_part(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    (key,) = json.loads(jwks_path(tmp_path).read_text())["keys"]
    assert "d" not in key
    assert key["kid"]


def test_the_key_stays_the_same(tmp_path: Path) -> None:
    assert load_or_create_key(tmp_path).kid == load_or_create_key(tmp_path).kid


def test_many_that_start_at_once_end_up_with_one_key(tmp_path: Path) -> None:
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_or_create_key(tmp_path).kid)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert sorted(path.name for path in key_directory(tmp_path).iterdir()) == [
        "development_signing_key.json",
        "jwks.json",
    ]


# Tokens


async def test_a_token_proves_the_person(issuer: DevelopmentIssuer, authenticator: JwksAuthenticator) -> None:
    token = issuer.issue("ann")
    principal = await authenticator.authenticate(token.access_token)
    assert principal.user_id == token.user_id == development_user_id("eu", "ann")
    assert (principal.kind, principal.scopes) == (Access.ACCESS_USER, PERSON_SCOPES)


async def test_a_gateways_token_says_so(issuer: DevelopmentIssuer, authenticator: JwksAuthenticator) -> None:
    principal = await authenticator.authenticate(issuer.issue("ann", device=True).access_token)
    assert (principal.kind, principal.scopes) == (Access.ACCESS_DEVICE, DEVICE_SCOPES)


async def test_a_services_token_stands_for_no_person(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator
) -> None:
    principal = await authenticator.authenticate(issuer.issue_for_service("workout").access_token)
    assert (principal.kind, principal.user_id) == (Access.ACCESS_SERVICE, "")
    assert principal.client_id == "service:workout"


async def test_scopes_can_be_fewer(issuer: DevelopmentIssuer, authenticator: JwksAuthenticator) -> None:
    principal = await authenticator.authenticate(issuer.issue("ann", scopes=["ingest"]).access_token)
    assert principal.scopes == {"ingest"}


def test_scopes_cannot_be_more(issuer: DevelopmentIssuer) -> None:
    with pytest.raises(ScopesNotAllowed, match=r"workout\.write"):
        issuer.issue("ann", device=True, scopes=["workout.write"])


async def test_an_expired_token_is_named_so(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    token = issuer.issue("ann", lifetime_s=60).access_token
    clock.now += 91
    assert await reason(authenticator, token) == "CREDENTIALS_EXPIRED"


async def test_clocks_may_differ_by_the_leeway(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    token = issuer.issue("ann", lifetime_s=60).access_token
    clock.now += 85
    await authenticator.authenticate(token)


async def test_a_token_from_the_future_is_refused(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    token = issuer.issue("ann").access_token
    clock.now -= 120
    assert await reason(authenticator, token) == "CREDENTIALS_INVALID"


async def test_changed_claims_are_noticed(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator
) -> None:
    token = tampered(issuer.issue("ann").access_token, sub="eu_SOMEBODYELSE")
    assert await reason(authenticator, token) == "CREDENTIALS_INVALID"


async def test_another_issuers_token_is_refused(tmp_path: Path, clock: Clock) -> None:
    issuer = DevelopmentIssuer(tmp_path, cell="eu", issuer="somebody", clock_s=clock)
    authenticator = JwksAuthenticator(FileKeys(jwks_path(tmp_path)), issuer=ISSUER, clock_s=clock)
    assert await reason(authenticator, issuer.issue("ann").access_token) == "CREDENTIALS_INVALID"


async def test_another_keys_token_is_refused(
    tmp_path: Path, authenticator: JwksAuthenticator, issuer: DevelopmentIssuer, clock: Clock
) -> None:
    stranger = DevelopmentIssuer(tmp_path / "other", cell="eu", issuer=ISSUER, clock_s=clock)
    await authenticator.authenticate(issuer.issue("ann").access_token)
    assert await reason(authenticator, stranger.issue("ann").access_token) == "CREDENTIALS_INVALID"


async def test_an_unsigned_token_is_refused(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator
) -> None:
    _, body, _ = issuer.issue("ann").access_token.split(".")
    key_id = json.loads(jwks_of(issuer, authenticator))["keys"][0]["kid"]
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": key_id}).encode()).rstrip(b"=")
    assert await reason(authenticator, f"{header.decode()}.{body}.") == "CREDENTIALS_INVALID"


def jwks_of(_issuer: DevelopmentIssuer, authenticator: JwksAuthenticator) -> str:
    source: Any = authenticator._source
    text: str = source._path.read_text()
    return text


@given(st.text(max_size=300))
async def test_rubbish_is_never_a_token(rubbish: str) -> None:
    authenticator = JwksAuthenticator(FileKeys(Path("/nonexistent")), issuer=ISSUER)
    with pytest.raises(PlatformError):
        await authenticator.authenticate(rubbish)


async def test_a_very_long_token_is_refused_unread(authenticator: JwksAuthenticator) -> None:
    assert await reason(authenticator, "x" * 10_000) == "CREDENTIALS_INVALID"


async def test_without_keys_nothing_is_proved_and_the_caller_may_come_back(
    issuer: DevelopmentIssuer, tmp_path: Path
) -> None:
    authenticator = JwksAuthenticator(FileKeys(tmp_path / "none.json"), issuer=ISSUER)
    assert await reason(authenticator, issuer.issue("ann").access_token) == "STORE_UNAVAILABLE"


class CountingKeys:
    """A key set that can be exchanged, and how often it was fetched."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.fetched = 0

    async def fetch(self) -> bytes:
        self.fetched += 1
        return self.document


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_too_often(
    tmp_path: Path, clock: Clock
) -> None:
    first = DevelopmentIssuer(tmp_path / "a", cell="eu", issuer=ISSUER, clock_s=clock)
    second = DevelopmentIssuer(tmp_path / "b", cell="eu", issuer=ISSUER, clock_s=clock)
    keys = CountingKeys(jwks_path(tmp_path / "a").read_bytes())
    authenticator = JwksAuthenticator(keys, issuer=ISSUER, clock_s=clock)
    await authenticator.authenticate(first.issue("ann").access_token)
    keys.document = jwks_path(tmp_path / "b").read_bytes()
    assert await reason(authenticator, second.issue("ann").access_token) == "CREDENTIALS_INVALID"
    assert keys.fetched == 1
    clock.now += 31
    await authenticator.authenticate(second.issue("ann").access_token)
    assert keys.fetched == 2


# The service


def stub(issuer: DevelopmentIssuer) -> Any:
    collector: Any = ServiceCollector(ports())
    service.add_DevelopmentIssuerServiceServicer_to_server(DevelopmentIssuerServicer(issuer), collector)
    return service.DevelopmentIssuerServiceStub(InProcessChannel(collector.handlers))


async def test_the_service_gives_a_token(
    issuer: DevelopmentIssuer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    request = messages.CreateAccessTokenRequest(login="ann")
    request.time_to_live.FromSeconds(120)
    response = await stub(issuer).CreateAccessToken(request)
    principal = await authenticator.authenticate(response.access_token)
    assert principal.user_id == response.user_id
    assert response.expires_at.ToSeconds() == int(clock.now) + 120


async def test_a_bad_login_is_refused_by_the_contract(issuer: DevelopmentIssuer) -> None:
    error = await error_of(stub(issuer).CreateAccessToken(messages.CreateAccessTokenRequest(login="A B")))
    assert error.code().name == "INVALID_ARGUMENT"


async def test_scopes_that_cannot_be_had_are_named(issuer: DevelopmentIssuer) -> None:
    request = messages.CreateAccessTokenRequest(login="ann", scopes=["admin"])
    error = await error_of(stub(issuer).CreateAccessToken(request))
    assert (error.code().name, "admin" in (error.details() or "")) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize(
    ("forwarded_for", "code"), [("127.0.0.1", "OK"), ("203.0.113.7, 127.0.0.1", "PERMISSION_DENIED")]
)
async def test_a_proxy_here_cannot_ask_for_somebody_elsewhere(
    issuer: DevelopmentIssuer, forwarded_for: str, code: str
) -> None:
    call = stub(issuer).CreateAccessToken(
        messages.CreateAccessTokenRequest(login="ann"), metadata=(("x-forwarded-for", forwarded_for),)
    )
    assert (await call.code()).name == code


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("ipv4:127.0.0.1:5000", True),
        ("ipv4:10.0.0.1:5000", False),
        ("ipv6:[::1]:5000", True),
        ("ipv6:%5B::1%5D:5000", True),
        ("ipv6:[2001:db8::1]:5000", False),
        ("ipv6:[fe80::1%eth0]:5000", False),
        ("unix:/run/x", True),
        ("inprocess:", True),
        ("", False),
    ],
)
def test_which_peers_are_on_this_machine(peer: str, local: bool) -> None:
    assert is_local(peer) is local
